package dev.trellis.client;

import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.ScheduledFuture;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// A router or node that is asked for the cluster map. Keeps its connection between questions.
/// Confined to its event loop.
final class MapSource implements Connection.Listener {
  /// What came of a question.
  sealed interface Result {}

  /// An answer.
  ///
  /// @param from the id of who answered
  /// @param isNode whether it comes from a node, which says what it sees itself
  record Answer(String from, Frame.ClusterMap map, boolean isNode) implements Result {}

  /// There was none.
  record NoAnswer(Address address, Connection.Closure closure) implements Result {
    @Override
    public String toString() {
      return address + ": " + closure.reason();
    }
  }

  private final Cluster cluster;
  private final Address address;
  private final EventLoop loop;
  private @Nullable Connection connection;
  private Frame.@Nullable Welcome welcome;
  private List<Consumer<Result>> askers = new ArrayList<>(); // who wait for the answer
  private @Nullable ScheduledFuture<?> deadline;
  private Optional<Answer> last = Optional.empty();
  private long nextId = 1;

  MapSource(Cluster cluster, Address address, EventLoop loop) {
    this.cluster = cluster;
    this.address = address;
    this.loop = loop;
  }

  /// Asks; the asker is told the result on the event loop, within the time to connect and as long
  /// again.
  void ask(Consumer<Result> asker) {
    askers.add(asker);
    if (askers.size() > 1) {
      return; // it is being asked already
    }
    if (welcome != null) {
      request();
    } else {
      connection =
          Connection.open(
              address,
              loop,
              cluster.loops(),
              cluster.hello(Frame.Scope.SHARD),
              cluster.config().tls(),
              cluster.config().connectTimeout().toMillis(),
              this);
    }
  }

  Address address() {
    return address;
  }

  /// Whether it has answered the last question.
  boolean isAnswering() {
    return welcome != null && last.isPresent();
  }

  /// What it answered last.
  Optional<Answer> last() {
    return last;
  }

  void close() {
    Connection socket = connection;
    if (socket != null) {
      socket.close("the client is closed");
    }
  }

  private void request() {
    Connection socket = connection;
    if (socket == null) {
      return;
    }
    long millis = cluster.config().connectTimeout().toMillis();
    deadline =
        loop.schedule(
            () -> socket.close("no cluster map within " + millis + " ms"),
            millis,
            TimeUnit.MILLISECONDS);
    socket.write(FrameCodec.encode(new Frame.MapRequest(nextId++)));
    socket.flush();
  }

  @Override
  public void opened(Connection opened, Frame.Welcome greeting) {
    Optional<String> wanted = cluster.clusterName();
    if (wanted.isPresent() && !wanted.get().equals(greeting.clusterName())) {
      refuse(opened, wanted.get(), greeting.clusterName());
      return;
    }
    // A router's clock and limits are its own, and say nothing of the shards'.
    welcome = greeting;
    cluster.learnPrincipal(greeting.principal());
    request();
  }

  private void refuse(Connection socket, String wanted, String found) {
    socket.refuse(
        ErrorCode.BAD_REQUEST,
        "it belongs to cluster '" + found + "', not to '" + wanted + "' as this client expects");
  }

  @Override
  public void received(Connection socket, Frame frame) {
    Frame.Welcome greeting = welcome;
    if (!(frame instanceof Frame.ClusterMap map) || greeting == null) {
      return;
    }
    boolean isNode = map.nodes().stream().anyMatch(node -> node.id().equals(greeting.nodeId()));
    Answer answer = new Answer(greeting.nodeId(), map, isNode);
    last = Optional.of(answer);
    settle(answer);
  }

  @Override
  public void passed(Connection socket) {}

  @Override
  public void closed(Connection socket, Connection.Closure closure) {
    connection = null;
    welcome = null;
    settle(new NoAnswer(address, closure));
  }

  private void settle(Result result) {
    ScheduledFuture<?> timer = deadline;
    if (timer != null) {
      timer.cancel(false);
      deadline = null;
    }
    List<Consumer<Result>> told = askers;
    askers = new ArrayList<>();
    told.forEach(asker -> asker.accept(result));
  }
}
