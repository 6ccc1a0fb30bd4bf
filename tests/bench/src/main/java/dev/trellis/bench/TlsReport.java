package dev.trellis.bench;

import dev.trellis.client.CallOptions;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.ClientTls;
import dev.trellis.client.Trellis;
import dev.trellis.lattice.Payload;
import dev.trellis.node.TrellisNode;
import dev.trellis.node.config.NodeConfig;
import dev.trellis.process.StrictConfig;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.ssl.OpenSsl;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/// What TLS and authentication cost on the data plane: throughput and latency with and without, in
/// turns, A, B, A, B; connections that are made, greeted and closed, a second; what an idle one
/// takes. Nodes and clients are in this one process, so all figures are of both ends together.
///
/// `TlsReport DIR`, where `bin/trellis security init DIR --nodes 1` has made secrets.
public final class TlsReport {
  private static final int ROUNDS = 5;
  private static final Duration ROUND = Duration.ofSeconds(2);
  private static final int RATE = 2_000;
  private static final int CONNECTIONS = 2_000; // idle
  private static final int HANDSHAKES = 4_000;
  private static final int TOGETHER = 32; // handshakes under way

  private final SslContext tls;
  private final ClientTls clientTls;
  private final String key;
  private final TrellisNode plain;
  private final TrellisNode secured;
  private final MultiThreadIoEventLoopGroup loops =
      new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());

  private TlsReport(Path secrets) throws IOException {
    Path authorities = secrets.resolve("client").resolve("ca.crt");
    clientTls = ClientTls.trusting(authorities);
    key = Files.readString(secrets.resolve("client").resolve("admin.key")).strip();
    tls =
        SslContextBuilder.forClient()
            .sslProvider(OpenSsl.isAvailable() ? SslProvider.OPENSSL : SslProvider.JDK)
            .trustManager(authorities.toFile())
            .endpointIdentificationAlgorithm(null)
            .protocols("TLSv1.3")
            .build();
    try (Stream<Path> nodes = Files.list(secrets.resolve("nodes"))) {
      Path own = nodes.sorted().findFirst().orElseThrow();
      plain = node("n1", "");
      secured =
          node(
              String.valueOf(own.getFileName()),
              "security = on\nsecrets.folder = \"" + own.toAbsolutePath() + "\"\n");
    }
  }

  private static TrellisNode node(String id, String settings) {
    return TrellisNode.start(
        NodeConfig.of(
            StrictConfig.ofText(
                NodeConfig.reference(),
                "node.id = "
                    + id
                    + "\ndata.ports = 0\nadmin.port = 0\nclock.skew.max = 1m\n"
                    + settings,
                Map.of())));
  }

  private ClientConfig config(boolean secure) {
    ClientConfig config = ClientConfig.of("127.0.0.1:" + port(secure)).withEventLoopThreads(1);
    return secure ? config.withTls(clientTls).withApiKey(key) : config;
  }

  private int port(boolean secure) {
    return (secure ? secured : plain).descriptor().shardPorts().getFirst();
  }

  private static Load load(OptionalInt rate, int bytes) {
    return new Load(
        1,
        rate.isPresent() ? 64 : 256,
        rate,
        ROUND,
        Duration.ZERO,
        10_000,
        "bench:",
        0,
        new ValueSizes(bytes, bytes),
        new Mix(50, 50, 0, 0),
        1,
        Keys.UNIFORM,
        0.99,
        Load.Target.LWW,
        1);
  }

  /// The latencies of one round, in nanoseconds.
  private Histogram round(boolean secure, OptionalInt rate, int bytes) throws InterruptedException {
    LoadGenerator generator =
        new LoadGenerator(load(rate, bytes), CallOptions.DEFAULT, Ticker.SYSTEM);
    Histogram all = Meter.histogram();
    try (Trellis client = Trellis.connect(config(secure));
        RunningLoad running = new RunningLoad(generator, List.of(client))) {
      TimeUnit.MILLISECONDS.sleep(ROUND.toMillis() / 3);
      running.meter().reset();
      TimeUnit.MILLISECONDS.sleep(ROUND.toMillis());
      for (OperationType type : OperationType.values()) {
        all.add(running.meter().take(type, null));
      }
    }
    return all;
  }

  private void compare(String what, OptionalInt rate, int bytes) throws InterruptedException {
    List<List<Histogram>> rounds = List.of(new ArrayList<>(), new ArrayList<>());
    for (int round = 0; round <= ROUNDS; round++) {
      for (int secure = 0; secure < 2; secure++) {
        Histogram measured = round(secure == 1, rate, bytes);
        if (round > 0) { // the first one warms up
          rounds.get(secure).add(measured);
        }
      }
    }
    for (int secure = 0; secure < 2; secure++) {
      List<Histogram> all = rounds.get(secure);
      print(
          "%s, %s: %,.0f operations/s, p50 %,.0f µs, p99 %,.0f µs",
          what,
          secure == 1 ? "TLS and API key" : "plain",
          median(all.stream().map(each -> each.getTotalCount() / (double) ROUND.toSeconds())),
          median(all.stream().map(each -> each.getValueAtPercentile(50) / 1e3)),
          median(all.stream().map(each -> each.getValueAtPercentile(99) / 1e3)));
    }
  }

  private static double median(Stream<Double> values) {
    List<Double> sorted = values.sorted().toList();
    return sorted.get(sorted.size() / 2);
  }

  /// Makes a connection, and calls `welcome` when it is greeted.
  private void open(boolean secure, Consumer<Channel> welcome) {
    byte[] hello =
        FrameCodec.encode(
            new Frame.Hello(
                Frame.PROTOCOL_VERSION,
                Frame.PROTOCOL_VERSION,
                "",
                7,
                Frame.Scope.SHARD,
                secure ? Payload.ofText(key) : Payload.EMPTY,
                "trellis-bench"));
    Bootstrap bootstrap =
        new Bootstrap()
            .group(loops)
            .channel(NioSocketChannel.class)
            .handler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel channel) {
                    if (secure) {
                      channel.pipeline().addLast(tls.newHandler(channel.alloc()));
                    }
                    channel.pipeline().addLast(new Greeted(hello, welcome));
                  }
                });
    var _ = bootstrap.connect("127.0.0.1", port(secure));
  }

  private static final class Greeted extends SimpleChannelInboundHandler<ByteBuf> {
    private final byte[] hello;
    private @Nullable Consumer<Channel> welcome;

    Greeted(byte[] hello, Consumer<Channel> welcome) {
      this.hello = hello;
      this.welcome = welcome;
    }

    @Override
    public void channelActive(ChannelHandlerContext context) {
      var _ =
          context.writeAndFlush(
              Unpooled.buffer(hello.length + 4).writeInt(hello.length).writeBytes(hello));
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, ByteBuf message) {
      Consumer<Channel> told = welcome;
      welcome = null;
      if (told != null) {
        told.accept(context.channel());
      }
    }
  }

  private void handshakes(boolean secure) throws InterruptedException {
    for (boolean measured : new boolean[] {false, true}) {
      Semaphore room = new Semaphore(TOGETHER);
      long began = System.nanoTime();
      for (int i = 0; i < HANDSHAKES; i++) {
        room.acquire();
        open(
            secure,
            channel -> {
              var _ = channel.close();
              room.release();
            });
      }
      room.acquire(TOGETHER);
      double seconds = (System.nanoTime() - began) / 1e9;
      if (measured) {
        print(
            "connections made, greeted and closed, %s: %,.0f/s",
            secure ? "TLS and API key" : "plain", HANDSHAKES / seconds);
      }
    }
  }

  private void idle(boolean secure) throws InterruptedException, IOException {
    ConcurrentLinkedQueue<Channel> opened = new ConcurrentLinkedQueue<>();
    long before = used();
    long residentBefore = residentBytes();
    Semaphore greeted = new Semaphore(0);
    for (int i = 0; i < CONNECTIONS; i++) {
      open(
          secure,
          channel -> {
            opened.add(channel);
            greeted.release();
          });
      greeted.acquire();
    }
    long after = used();
    print(
        "an idle connection, %s, both ends: %,d B of the heap, %,d B of the process",
        secure ? "TLS and API key" : "plain",
        (after - before) / CONNECTIONS,
        (residentBytes() - residentBefore) / CONNECTIONS);
    opened.forEach(channel -> channel.close().awaitUninterruptibly());
    TimeUnit.SECONDS.sleep(1);
  }

  private static long used() throws InterruptedException {
    for (int i = 0; i < 3; i++) {
      ManagementFactory.getMemoryMXBean().gc();
      TimeUnit.MILLISECONDS.sleep(200);
    }
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }

  private static long residentBytes() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("[^0-9]", "")) << 10;
      }
    }
    throw new IllegalStateException("there is no VmRSS");
  }

  @SuppressWarnings("AnnotateFormatMethod") // for which there is no dependency here
  private static void print(String format, Object... arguments) {
    System.out.println(String.format(Locale.ROOT, format, arguments));
  }

  private void close() {
    loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    plain.close();
    secured.close();
  }

  /// Measures, and prints what came of it.
  ///
  /// @param arguments the folder of secrets
  public static void main(String[] arguments) throws IOException, InterruptedException {
    print("load of the machine before: %.2f", load());
    print("TLS by %s", OpenSsl.isAvailable() ? "BoringSSL" : "the JDK");
    TlsReport report = new TlsReport(Path.of(arguments[0]));
    report.idle(false);
    report.idle(true);
    report.handshakes(false);
    report.handshakes(true);
    report.compare("64 B, closed loop, 256 under way", OptionalInt.empty(), 64);
    report.compare("16 KiB, closed loop, 256 under way", OptionalInt.empty(), 16 << 10);
    report.compare("64 B, open loop", OptionalInt.of(RATE), 64);
    report.close();
    print("load of the machine after: %.2f", load());
  }

  private static double load() {
    return ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
  }
}
