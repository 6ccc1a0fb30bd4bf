package dev.trellis.adapters.dapr;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.trellis.adapters.dapr.wire.BulkDeleteRequest;
import dev.trellis.adapters.dapr.wire.BulkGetRequest;
import dev.trellis.adapters.dapr.wire.BulkSetRequest;
import dev.trellis.adapters.dapr.wire.BulkStateItem;
import dev.trellis.adapters.dapr.wire.DeleteRequest;
import dev.trellis.adapters.dapr.wire.Etag;
import dev.trellis.adapters.dapr.wire.FeaturesRequest;
import dev.trellis.adapters.dapr.wire.GetRequest;
import dev.trellis.adapters.dapr.wire.GetResponse;
import dev.trellis.adapters.dapr.wire.InitRequest;
import dev.trellis.adapters.dapr.wire.MetadataRequest;
import dev.trellis.adapters.dapr.wire.PingRequest;
import dev.trellis.adapters.dapr.wire.SetRequest;
import dev.trellis.adapters.dapr.wire.StateOptions;
import dev.trellis.client.Trellis;
import dev.trellis.junit.TrellisExtension;
import dev.trellis.node.TrellisNode;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.MultiThreadIoEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollDomainSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollIoHandler;
import io.grpc.netty.shaded.io.netty.channel.unix.DomainSocketAddress;
import io.grpc.reflection.v1.ServerReflectionGrpc;
import io.grpc.reflection.v1.ServerReflectionRequest;
import io.grpc.reflection.v1.ServerReflectionResponse;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/// The component over its socket, as Dapr uses it, before a real node.
@ExtendWith(TrellisExtension.class)
class DaprComponentTest {
  private final Path folder;
  private final String address;
  private final Trellis trellis;
  private final EventLoopGroup loops =
      new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
  private DaprComponent component;
  private ManagedChannel channel;

  DaprComponentTest(TrellisNode node, Trellis trellis, @TempDir Path folder) {
    this.address = "127.0.0.1:" + node.descriptor().shardPorts().getFirst();
    this.trellis = trellis;
    this.folder = folder;
  }

  @BeforeEach
  void start() throws IOException {
    component = DaprComponent.start(folder.resolve("sockets"), "trellis");
    channel =
        NettyChannelBuilder.forAddress(new DomainSocketAddress(component.socket().toFile()))
            .channelType(EpollDomainSocketChannel.class, DomainSocketAddress.class)
            .eventLoopGroup(loops)
            .usePlaintext()
            .build();
  }

  @AfterEach
  void stop() throws InterruptedException {
    channel.shutdownNow();
    assertTrue(channel.awaitTermination(30, TimeUnit.SECONDS));
    component.close();
    assertFalse(Files.exists(component.socket()));
    var unused = loops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
  }

  private <A, B> B call(MethodDescriptor<A, B> method, A request) {
    return ClientCalls.blockingUnaryCall(channel, method, CallOptions.DEFAULT, request);
  }

  private <A, B> Status refused(MethodDescriptor<A, B> method, A request) {
    return assertThrows(StatusRuntimeException.class, () -> call(method, request)).getStatus();
  }

  private static InitRequest init(Map<String, String> metadata) {
    return InitRequest.newBuilder()
        .setMetadata(MetadataRequest.newBuilder().putAllProperties(metadata))
        .build();
  }

  private void init() {
    var unused =
        call(StateService.Methods.INIT, init(Map.of("addresses", address, "keyPrefix", "app/")));
  }

  private static SetRequest.Builder set(String key, String value) {
    return SetRequest.newBuilder().setKey(key).setValue(ByteString.copyFromUtf8(value));
  }

  private GetResponse get(String key) {
    return call(StateService.Methods.GET, GetRequest.newBuilder().setKey(key).build());
  }

  private static void assertSays(Status status, Status.Code code, String... words) {
    assertEquals(code, status.getCode(), status::toString);
    for (String word : words) {
      assertTrue(String.valueOf(status.getDescription()).contains(word), status::toString);
    }
  }

  @Test
  void daprFindsTheServiceByReflection() throws InterruptedException {
    BlockingQueue<ServerReflectionResponse> answers = new ArrayBlockingQueue<>(2);
    StreamObserver<ServerReflectionRequest> questions =
        ServerReflectionGrpc.newStub(channel)
            .serverReflectionInfo(
                new StreamObserver<>() {
                  @Override
                  public void onNext(ServerReflectionResponse answer) {
                    answers.add(answer);
                  }

                  @Override
                  public void onError(Throwable failure) {}

                  @Override
                  public void onCompleted() {}
                });
    questions.onNext(ServerReflectionRequest.newBuilder().setListServices("").build());
    ServerReflectionResponse services = answers.poll(30, TimeUnit.SECONDS);
    assertTrue(
        services.getListServicesResponse().getServiceList().stream()
            .anyMatch(service -> service.getName().equals(StateService.NAME)),
        services::toString);
    questions.onNext(
        ServerReflectionRequest.newBuilder().setFileContainingSymbol(StateService.NAME).build());
    ServerReflectionResponse file = answers.poll(30, TimeUnit.SECONDS);
    assertEquals(1, file.getFileDescriptorResponse().getFileDescriptorProtoCount());
    questions.onCompleted();
  }

  @Test
  void whatIsSetIsGotUntilItIsDeletedAndOthersSeeIt() {
    init();
    var unused = call(StateService.Methods.PING, PingRequest.getDefaultInstance());
    assertEquals(
        List.of("TTL"),
        call(StateService.Methods.FEATURES, FeaturesRequest.getDefaultInstance()).getFeatureList());
    assertEquals(GetResponse.getDefaultInstance(), get("k"));
    for (StateOptions.StateConsistency consistency :
        List.of(
            StateOptions.StateConsistency.CONSISTENCY_UNSPECIFIED,
            StateOptions.StateConsistency.CONSISTENCY_EVENTUAL,
            StateOptions.StateConsistency.CONSISTENCY_STRONG)) {
      StateOptions options = StateOptions.newBuilder().setConsistency(consistency).build();
      var unused2 =
          call(StateService.Methods.SET, set("k", consistency.name()).setOptions(options).build());
      GetResponse found =
          call(
              StateService.Methods.GET,
              GetRequest.newBuilder().setKey("k").setConsistency(consistency).build());
      assertEquals(consistency.name(), found.getData().toStringUtf8());
      assertFalse(found.hasEtag());
      assertEquals(consistency.name(), trellis.register("app/k").getText().orElseThrow());
    }
    var unused3 = call(StateService.Methods.DELETE, DeleteRequest.newBuilder().setKey("k").build());
    assertEquals(GetResponse.getDefaultInstance(), get("k"));
  }

  @Test
  void whatHasATimeToLiveTellsWhenItEnds() {
    init();
    Instant before = Instant.now();
    var unused =
        call(StateService.Methods.SET, set("k", "v").putMetadata("ttlInSeconds", "3600").build());
    Instant end = Instant.parse(get("k").getMetadataOrThrow("ttlExpireTime"));
    assertTrue(end.isAfter(before.plusSeconds(3_500)), end::toString);
    assertTrue(end.isBefore(Instant.now().plusSeconds(3_700)), end::toString);
    var unused2 =
        call(StateService.Methods.SET, set("k", "v").putMetadata("ttlInSeconds", "-1").build());
    assertEquals(Map.of(), get("k").getMetadataMap());
    for (String wrong : List.of("0", "-2", "soon", "99999999999")) {
      assertSays(
          refused(
              StateService.Methods.SET, set("k", "v").putMetadata("ttlInSeconds", wrong).build()),
          Status.Code.INVALID_ARGUMENT,
          "'ttlInSeconds' is '" + wrong + "'; it can be 1 to ");
    }
  }

  @Test
  void severalKeysHaveOneOutcomeEach() {
    init();
    var unused =
        call(
            StateService.Methods.BULK_SET,
            BulkSetRequest.newBuilder().addItems(set("a", "1")).addItems(set("b", "2")).build());
    trellis.counter("app/c").add(1);
    BulkGetRequest.Builder all = BulkGetRequest.newBuilder();
    List.of("a", "missing", "c", "b")
        .forEach(key -> all.addItems(GetRequest.newBuilder().setKey(key)));
    List<BulkStateItem> items = call(StateService.Methods.BULK_GET, all.build()).getItemsList();
    assertEquals("1", items.get(0).getData().toStringUtf8());
    assertTrue(items.get(1).getData().isEmpty() && items.get(1).getError().isEmpty());
    assertTrue(items.get(2).getError().startsWith("KIND_MISMATCH"), items::toString);
    assertEquals("2", items.get(3).getData().toStringUtf8());

    assertSays(
        refused(
            StateService.Methods.BULK_SET,
            BulkSetRequest.newBuilder()
                .addItems(set("a", "3"))
                .addItems(set("c", "4"))
                .addItems(set("", "5"))
                .build()),
        Status.Code.FAILED_PRECONDITION,
        "2 of 3 keys were not set, the others were: 'c': KIND_MISMATCH",
        "'': the key is empty");
    assertEquals("3", get("a").getData().toStringUtf8());

    var unused2 =
        call(
            StateService.Methods.BULK_DELETE,
            BulkDeleteRequest.newBuilder()
                .addItems(DeleteRequest.newBuilder().setKey("a"))
                .addItems(DeleteRequest.newBuilder().setKey("b"))
                .build());
    assertTrue(get("a").getData().isEmpty());
  }

  @Test
  void conditionsThatCanNotBeKeptAreRefused() {
    init();
    Etag etag = Etag.newBuilder().setValue("7").build();
    StateOptions first =
        StateOptions.newBuilder()
            .setConcurrency(StateOptions.StateConcurrency.CONCURRENCY_FIRST_WRITE)
            .build();
    assertSays(
        refused(StateService.Methods.SET, set("k", "v").setEtag(etag).build()),
        Status.Code.INVALID_ARGUMENT,
        "the etag '7' asks that nobody has written meanwhile");
    assertSays(
        refused(StateService.Methods.SET, set("k", "v").setOptions(first).build()),
        Status.Code.INVALID_ARGUMENT,
        "'first-write'");
    assertSays(
        refused(
            StateService.Methods.DELETE,
            DeleteRequest.newBuilder().setKey("k").setEtag(etag).build()),
        Status.Code.INVALID_ARGUMENT,
        "the etag '7'");
    assertTrue(get("k").getData().isEmpty());
    var unused =
        call(
            StateService.Methods.SET,
            set("k", "v").setEtag(Etag.getDefaultInstance()).build()); // as none
    assertEquals("v", get("k").getData().toStringUtf8());
  }

  @Test
  void whatTheStoreRefusesIsTold() {
    init();
    assertSays(
        refused(
            StateService.Methods.GET, GetRequest.newBuilder().setKey("k".repeat(1_025)).build()),
        Status.Code.INVALID_ARGUMENT,
        "KEY_TOO_LONG");
    trellis.counter("app/n").add(1);
    assertSays(
        refused(StateService.Methods.GET, GetRequest.newBuilder().setKey("n").build()),
        Status.Code.FAILED_PRECONDITION,
        "KIND_MISMATCH");
  }

  @Test
  void metadataThatMakesNoSenseIsNamed() {
    assertSays(
        refused(StateService.Methods.GET, GetRequest.newBuilder().setKey("k").build()),
        Status.Code.FAILED_PRECONDITION,
        "Init comes before");
    Map<Map<String, String>, String> wrong =
        Map.of(
            Map.of(), "'addresses' is missing",
            Map.of("addresses", address, "adresses", "x"), "'adresses' is unknown; known are",
            Map.of("addresses", "no-port"), "no-port",
            Map.of("addresses", address, "ack", "all"), "'ack' is 'all'",
            Map.of("addresses", address, "timeout", "0s"), "'timeout' is '0s'");
    wrong.forEach(
        (metadata, message) ->
            assertSays(
                refused(StateService.Methods.INIT, init(metadata)),
                Status.Code.INVALID_ARGUMENT,
                message));
  }

  @Test
  void severalComponentsShareASocket() {
    for (String name : List.of("one", "other")) {
      Metadata headers = new Metadata();
      headers.put(StateService.INSTANCE, name);
      Channel own =
          ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(headers));
      var unused =
          ClientCalls.blockingUnaryCall(
              own,
              StateService.Methods.INIT,
              CallOptions.DEFAULT,
              init(Map.of("addresses", address, "keyPrefix", name + "/")));
      var unused2 =
          ClientCalls.blockingUnaryCall(
              own, StateService.Methods.SET, CallOptions.DEFAULT, set("k", name).build());
    }
    assertEquals("one", trellis.register("one/k").getText().orElseThrow());
    assertEquals("other", trellis.register("other/k").getText().orElseThrow());
  }

  @Test
  void aSocketThatIsLeftIsReplacedAndOneInUseIsNot() throws IOException {
    IOException failure =
        assertThrows(
            IOException.class, () -> DaprComponent.start(folder.resolve("sockets"), "trellis"));
    assertTrue(
        failure.getMessage().startsWith("another process listens on "), failure.getMessage());
    Path left = folder.resolve("sockets/left.sock");
    try (ServerSocketChannel socket = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      ServerSocketChannel unused = socket.bind(UnixDomainSocketAddress.of(left));
    }
    assertTrue(Files.exists(left));
    try (DaprComponent second = DaprComponent.start(folder.resolve("sockets"), "left")) {
      assertEquals(left.toAbsolutePath(), second.socket());
    }
    assertThrows(IllegalArgumentException.class, () -> DaprComponent.start(folder, "../x"));
    Path deep = folder.resolve("d".repeat(120));
    assertThrows(IllegalArgumentException.class, () -> DaprComponent.start(deep, "trellis"));
  }
}
