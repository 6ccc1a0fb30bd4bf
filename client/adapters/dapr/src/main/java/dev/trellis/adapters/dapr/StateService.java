package dev.trellis.adapters.dapr;

import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.Message;
import dev.trellis.adapters.dapr.wire.BulkDeleteRequest;
import dev.trellis.adapters.dapr.wire.BulkDeleteResponse;
import dev.trellis.adapters.dapr.wire.BulkGetRequest;
import dev.trellis.adapters.dapr.wire.BulkGetResponse;
import dev.trellis.adapters.dapr.wire.BulkSetRequest;
import dev.trellis.adapters.dapr.wire.BulkSetResponse;
import dev.trellis.adapters.dapr.wire.DeleteRequest;
import dev.trellis.adapters.dapr.wire.DeleteResponse;
import dev.trellis.adapters.dapr.wire.FeaturesRequest;
import dev.trellis.adapters.dapr.wire.FeaturesResponse;
import dev.trellis.adapters.dapr.wire.GetRequest;
import dev.trellis.adapters.dapr.wire.GetResponse;
import dev.trellis.adapters.dapr.wire.InitRequest;
import dev.trellis.adapters.dapr.wire.InitResponse;
import dev.trellis.adapters.dapr.wire.PingRequest;
import dev.trellis.adapters.dapr.wire.PingResponse;
import dev.trellis.adapters.dapr.wire.SetRequest;
import dev.trellis.adapters.dapr.wire.SetResponse;
import dev.trellis.adapters.dapr.wire.StateProto;
import dev.trellis.client.Trellis;
import io.grpc.BindableService;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
import io.grpc.protobuf.ProtoFileDescriptorSupplier;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// The service that Dapr finds behind the socket. Several components may be configured for one
/// socket; Dapr tells them apart by a header of each call.
final class StateService implements BindableService, ServerInterceptor, AutoCloseable {
  static final String NAME = "dapr.proto.components.v1.StateStore";

  /// Which component a call is for.
  static final Metadata.Key<String> INSTANCE =
      Metadata.Key.of("x-component-instance", Metadata.ASCII_STRING_MARSHALLER);

  /// What the store can do beyond reading and writing. No ETAG and no TRANSACTIONAL, which would
  /// need writers to wait for each other.
  private static final String TTL = "TTL";

  private static final Context.Key<String> OF_CALL = Context.key("component instance");

  /// A component that was set up, and its client.
  private record Instance(Trellis trellis, StateStore store) {}

  private final Map<String, Instance> instances = new LinkedHashMap<>(); // guarded by itself

  @Override
  public <A, B> ServerCall.Listener<A> interceptCall(
      ServerCall<A, B> call, Metadata headers, ServerCallHandler<A, B> next) {
    @Nullable String instance = headers.get(INSTANCE);
    Context context = Context.current().withValue(OF_CALL, instance == null ? "" : instance);
    return Contexts.interceptCall(context, call, headers, next);
  }

  @Override
  public ServerServiceDefinition bindService() {
    return Methods.service(this);
  }

  // ---- What Dapr asks for ----

  private CompletableFuture<InitResponse> init(InitRequest request) {
    StoreSettings settings;
    Trellis trellis;
    try {
      settings = StoreSettings.of(request.getMetadata().getPropertiesMap());
      trellis = Trellis.connect(settings.clientConfig());
    } catch (IllegalArgumentException e) {
      throw StateStore.invalid(String.valueOf(e.getMessage()));
    }
    @Nullable Instance before;
    synchronized (instances) {
      before =
          instances.put(OF_CALL.get(), new Instance(trellis, new StateStore(trellis, settings)));
    }
    if (before != null) {
      before.trellis().close(); // set up anew
    }
    return CompletableFuture.completedFuture(InitResponse.getDefaultInstance());
  }

  private StateStore store() {
    String name = OF_CALL.get();
    synchronized (instances) {
      Instance instance = instances.get(name);
      if (instance == null) {
        throw Status.FAILED_PRECONDITION
            .withDescription(
                "component '" + name + "' was not set up: Init comes before any other call")
            .asRuntimeException();
      }
      return instance.store();
    }
  }

  private static CompletableFuture<FeaturesResponse> features() {
    return CompletableFuture.completedFuture(FeaturesResponse.newBuilder().addFeature(TTL).build());
  }

  /// Ends the clients.
  @Override
  public void close() {
    synchronized (instances) {
      instances.values().forEach(each -> each.trellis().close());
      instances.clear();
    }
  }

  // ---- How gRPC comes to it ----

  /// Each method, as gRPC wants to know it.
  static final class Methods {
    static final MethodDescriptor<InitRequest, InitResponse> INIT =
        method("Init", InitRequest.getDefaultInstance(), InitResponse.getDefaultInstance());
    static final MethodDescriptor<FeaturesRequest, FeaturesResponse> FEATURES =
        method(
            "Features",
            FeaturesRequest.getDefaultInstance(),
            FeaturesResponse.getDefaultInstance());
    static final MethodDescriptor<PingRequest, PingResponse> PING =
        method("Ping", PingRequest.getDefaultInstance(), PingResponse.getDefaultInstance());
    static final MethodDescriptor<GetRequest, GetResponse> GET =
        method("Get", GetRequest.getDefaultInstance(), GetResponse.getDefaultInstance());
    static final MethodDescriptor<SetRequest, SetResponse> SET =
        method("Set", SetRequest.getDefaultInstance(), SetResponse.getDefaultInstance());
    static final MethodDescriptor<DeleteRequest, DeleteResponse> DELETE =
        method("Delete", DeleteRequest.getDefaultInstance(), DeleteResponse.getDefaultInstance());
    static final MethodDescriptor<BulkGetRequest, BulkGetResponse> BULK_GET =
        method(
            "BulkGet", BulkGetRequest.getDefaultInstance(), BulkGetResponse.getDefaultInstance());
    static final MethodDescriptor<BulkSetRequest, BulkSetResponse> BULK_SET =
        method(
            "BulkSet", BulkSetRequest.getDefaultInstance(), BulkSetResponse.getDefaultInstance());
    static final MethodDescriptor<BulkDeleteRequest, BulkDeleteResponse> BULK_DELETE =
        method(
            "BulkDelete",
            BulkDeleteRequest.getDefaultInstance(),
            BulkDeleteResponse.getDefaultInstance());

    private Methods() {}

    private static <A extends Message, B extends Message> MethodDescriptor<A, B> method(
        String name, A request, B response) {
      return MethodDescriptor.<A, B>newBuilder()
          .setType(MethodDescriptor.MethodType.UNARY)
          .setFullMethodName(MethodDescriptor.generateFullMethodName(NAME, name))
          .setRequestMarshaller(ProtoUtils.marshaller(request))
          .setResponseMarshaller(ProtoUtils.marshaller(response))
          .build();
    }

    static ServerServiceDefinition service(StateService service) {
      ServiceDescriptor descriptor =
          ServiceDescriptor.newBuilder(NAME)
              .setSchemaDescriptor(new Schema())
              .addMethod(INIT)
              .addMethod(FEATURES)
              .addMethod(DELETE)
              .addMethod(GET)
              .addMethod(SET)
              .addMethod(PING)
              .addMethod(BULK_DELETE)
              .addMethod(BULK_GET)
              .addMethod(BULK_SET)
              .build();
      return ServerServiceDefinition.builder(descriptor)
          .addMethod(INIT, answering(service::init))
          .addMethod(FEATURES, answering(asked -> features()))
          .addMethod(DELETE, answering(asked -> service.store().delete(asked)))
          .addMethod(GET, answering(asked -> service.store().get(asked)))
          .addMethod(SET, answering(asked -> service.store().set(asked)))
          .addMethod(
              PING,
              answering(
                  asked -> CompletableFuture.completedFuture(PingResponse.getDefaultInstance())))
          .addMethod(BULK_DELETE, answering(asked -> service.store().bulkDelete(asked)))
          .addMethod(BULK_GET, answering(asked -> service.store().bulkGet(asked)))
          .addMethod(BULK_SET, answering(asked -> service.store().bulkSet(asked)))
          .build();
    }

    private static <A, B> ServerCallHandler<A, B> answering(
        Function<A, CompletableFuture<B>> method) {
      return ServerCalls.asyncUnaryCall(
          (request, observer) -> {
            try {
              var unused =
                  method
                      .apply(request)
                      .whenComplete((response, failed) -> tell(observer, response, failed));
            } catch (RuntimeException e) {
              tell(observer, null, e);
            }
          });
    }

    private static <B> void tell(
        StreamObserver<B> observer, @Nullable B response, @Nullable Throwable failed) {
      if (response != null) {
        observer.onNext(response);
        observer.onCompleted();
      } else {
        Throwable cause =
            failed == null ? new IllegalStateException("neither answer nor failure") : failed;
        observer.onError(StateStore.Failures.status(cause).asRuntimeException());
      }
    }
  }

  /// By which reflection describes the service.
  private static final class Schema implements ProtoFileDescriptorSupplier {
    @Override
    public FileDescriptor getFileDescriptor() {
      return StateProto.getDescriptor();
    }
  }
}
