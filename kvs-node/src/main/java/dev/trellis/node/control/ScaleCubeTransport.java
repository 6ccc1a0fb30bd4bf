package dev.trellis.node.control;

import dev.trellis.lattice.Payload;
import io.scalecube.cluster.transport.api.Message;
import io.scalecube.cluster.transport.api.Transport;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/// The way that ScaleCube's messages take: into ours and out again. Never waits.
final class ScaleCubeTransport implements Transport {
  /// An address that stands for all where a cluster may be found, see [Seeds]. ScaleCube is given
  /// its seeds once, as addresses; ours change.
  static final String ANYWHERE = "anywhere.invalid:1";

  private final String address;
  private final BiConsumer<String, Payload> sender;
  private final Consumer<Payload> everywhere;
  private final Sinks.Many<Message> inbound = Sinks.many().multicast().directBestEffort();
  private volatile boolean stopped;

  /// @param address the node's own control address
  /// @param sender sends a message to an address
  /// @param everywhere sends a message to all who may not know of this node yet
  ScaleCubeTransport(
      String address, BiConsumer<String, Payload> sender, Consumer<Payload> everywhere) {
    this.address = address;
    this.sender = sender;
    this.everywhere = everywhere;
  }

  /// Hands ScaleCube a message; to be called by one thread.
  void receive(Message message) {
    // A subscriber that has fallen behind misses it; the protocol bears that.
    var _ = inbound.tryEmitNext(message);
  }

  @Override
  public String address() {
    return address;
  }

  @Override
  public Mono<Transport> start() {
    return Mono.just(this);
  }

  @Override
  public Mono<Void> stop() {
    return Mono.fromRunnable(
        () -> {
          stopped = true;
          var _ = inbound.tryEmitComplete();
        });
  }

  @Override
  public boolean isStopped() {
    return stopped;
  }

  @Override
  public Mono<Void> send(String to, Message message) {
    return Mono.fromRunnable(
        () -> {
          Payload encoded = ClusterMessages.encode(message);
          if (!to.equals(ANYWHERE)) {
            sender.accept(to, encoded);
          }
          if (ClusterMessages.isSync(message)) {
            // What a node tells a member now and then, it tells those who may not know of it too:
            // this is how it joins, and how a cluster in two parts grows together.
            everywhere.accept(encoded);
          }
        });
  }

  @Override
  public Mono<Message> requestResponse(String to, Message request) {
    if (to.equals(ANYWHERE)) {
      return Mono.empty(); // the first periodic one follows shortly
    }
    String id = request.correlationId();
    return listen()
        .filter(answer -> id.equals(answer.correlationId()))
        .next()
        .doOnSubscribe(_ -> sender.accept(to, ClusterMessages.encode(request)));
  }

  @Override
  public Flux<Message> listen() {
    return inbound.asFlux();
  }
}
