package dev.trellis.client;

import dev.trellis.access.CertificateName;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestPack;
import dev.trellis.wire.WireException;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.handler.codec.DecoderException;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.netty.util.NetUtil;
import io.netty.util.concurrent.ScheduledFuture;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One socket: frames out and in, and the handshake. Confined to its event loop.
///
/// Frames are gathered into one buffer and leave together at [#flush]; a listener calls that once
/// per pass of the event loop, so that many small requests cost one system call.
final class Connection extends ByteToMessageDecoder {
  /// Why a connection is over.
  ///
  /// @param refusal the code with which the other side refused it, if it did
  record Closure(String reason, Optional<ErrorCode> refusal, @Nullable Throwable cause) {}

  /// Is told what happens to a connection, on its event loop.
  interface Listener {
    /// The handshake is done; requests may be written.
    void opened(Connection connection, Frame.Welcome welcome);

    /// A frame arrived, after the handshake.
    void received(Connection connection, Frame frame);

    /// All that had arrived was told; or there is room to write again.
    void passed(Connection connection);

    /// The connection is over, or never came to be. Called once; nothing is called afterwards.
    void closed(Connection connection, Closure closure);
  }

  private static final Logger log = LoggerFactory.getLogger(Connection.class);

  private static final int GATHER_BYTES = 64 << 10;
  private static final int SCRATCH_BYTES_MIN = 4 << 10;
  private static final int SCRATCH_BYTES_MAX = 256 << 10;
  private static final WriteBufferWaterMark WRITE_MARKS =
      new WriteBufferWaterMark(256 << 10, 512 << 10);

  private final Address address;
  private final EventLoop loop;
  private final Frame.Hello hello;
  private final Optional<ClientTls> tls;
  private final Listener listener;
  private final ScheduledFuture<?> openingDeadline;
  private final FrameCodec codec = new FrameCodec(Limits.DEFAULT);
  private int frameBytesMax = Limits.HANDSHAKE_BYTES_MAX; // grows when the handshake is done
  private @Nullable Channel channel;
  private Optional<CertificateName> shown = Optional.empty(); // by the other side
  private final RequestPack gathered = new RequestPack(); // frames written since the last flush
  private byte[] scratch = new byte[SCRATCH_BYTES_MIN]; // where frames are put to be decoded
  private boolean open; // the handshake is done
  private boolean over; // the listener was told so

  private Connection(
      Address address,
      EventLoop loop,
      Frame.Hello hello,
      Optional<ClientTls> tls,
      Listener listener,
      ScheduledFuture<?> openingDeadline) {
    this.address = address;
    this.loop = loop;
    this.hello = hello;
    this.tls = tls;
    this.listener = listener;
    this.openingDeadline = openingDeadline;
  }

  /// Starts to connect. To be called on `loop`.
  static Connection open(
      Address address,
      EventLoop loop,
      EventLoops loops,
      Frame.Hello hello,
      Optional<ClientTls> tls,
      long timeoutMillis,
      Listener listener) {
    Connection[] self = new Connection[1];
    ScheduledFuture<?> deadline =
        loop.schedule(
            () ->
                self[0].end(
                    new Closure(
                        "no answer to the handshake within " + timeoutMillis + " ms",
                        Optional.empty(),
                        null)),
            timeoutMillis,
            TimeUnit.MILLISECONDS);
    Connection connection = new Connection(address, loop, hello, tls, listener, deadline);
    self[0] = connection;
    connection.resolve(loops, timeoutMillis);
    return connection;
  }

  private void resolve(EventLoops loops, long timeoutMillis) {
    byte @Nullable [] number = NetUtil.createByteArrayFromIpAddressString(address.host());
    if (number != null) {
      try {
        connect(loops, InetAddress.getByAddress(address.host(), number), timeoutMillis);
      } catch (UnknownHostException e) {
        throw new IllegalStateException(e); // the length is that of an address
      }
      return;
    }
    // Asking for a name may take long, and must not hold up the event loop.
    try {
      loops
          .waiting()
          .execute(
              () -> {
                try {
                  InetAddress found = InetAddress.getByName(address.host());
                  loop.execute(() -> connect(loops, found, timeoutMillis));
                } catch (UnknownHostException e) {
                  loop.execute(
                      () ->
                          end(
                              new Closure(
                                  "unknown host '" + address.host() + "'", Optional.empty(), e)));
                }
              });
    } catch (RejectedExecutionException e) {
      log.debug("the client is closed, so {} is not looked for", address);
    }
  }

  private void connect(EventLoops loops, InetAddress host, long timeoutMillis) {
    if (over) {
      return;
    }
    @Nullable SslHandler encryption;
    try {
      encryption = tls.map(known -> known.handler(ByteBufAllocator.DEFAULT, address)).orElse(null);
    } catch (IllegalArgumentException e) {
      end(new Closure(String.valueOf(e.getMessage()), Optional.empty(), e));
      return;
    }
    ChannelFuture connecting =
        new Bootstrap()
            .group(loop)
            .channel(loops.channelClass())
            .option(ChannelOption.TCP_NODELAY, true)
            .option(ChannelOption.SO_KEEPALIVE, true)
            .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, (int) timeoutMillis)
            .option(ChannelOption.WRITE_BUFFER_WATER_MARK, WRITE_MARKS)
            .handler(encryption == null ? this : encrypted(encryption))
            .connect(new InetSocketAddress(host, address.port()));
    channel = connecting.channel();
    connecting.addListener(
        done -> {
          if (!done.isSuccess()) {
            // Later: who opens a connection must have it in hand before it is told of its end.
            loop.execute(
                () -> end(new Closure(plainReason(done.cause()), Optional.empty(), done.cause())));
          } else if (!over && tls.isEmpty()) {
            greet();
          }
        });
  }

  private ChannelHandler encrypted(SslHandler encryption) {
    encryption.setHandshakeTimeoutMillis(0); // there is a deadline for all of it
    return new ChannelInitializer<Channel>() {
      @Override
      protected void initChannel(Channel made) {
        made.pipeline().addLast(encryption, Connection.this);
      }
    };
  }

  private void greet() {
    write(FrameCodec.encode(hello));
    flush();
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext context, Object event) throws Exception {
    if (event instanceof SslHandshakeCompletionEvent handshake && !over) {
      if (handshake.isSuccess()) {
        identify(context);
      } else {
        end(failed(handshake.cause()));
      }
    }
    super.userEventTriggered(context, event);
  }

  /// Looks who it is before anything is said: the first thing has the credentials in it.
  private void identify(ChannelHandlerContext context) {
    Optional<CertificateName> name =
        ClientTls.shownBy(context.pipeline().get(SslHandler.class).engine().getSession());
    Optional<String> objection = ClientTls.objection(name, hello.clusterName());
    if (objection.isPresent()) {
      end(new Closure(objection.get(), Optional.empty(), null));
      return;
    }
    shown = name;
    greet();
  }

  private static Closure failed(Throwable cause) {
    return new Closure("TLS: " + ClientTls.reason(cause), Optional.empty(), cause);
  }

  /// Netty adds the address to the message, which is told elsewhere.
  private static String plainReason(@Nullable Throwable cause) {
    if (cause instanceof ConnectException
        && String.valueOf(cause.getMessage()).contains("refused")) {
      return "connection refused";
    }
    return cause == null ? "unknown reason" : String.valueOf(cause.getMessage());
  }

  Address address() {
    return address;
  }

  /// Whether more may be written without piling up what the socket does not take.
  boolean isWritable() {
    Channel socket = channel;
    return open && !over && socket != null && socket.isWritable();
  }

  /// Writes an encoded frame, which leaves at the next [#flush].
  void write(byte[] frame) {
    Channel socket = channel;
    if (over || socket == null) {
      return;
    }
    if (frame.length >= GATHER_BYTES) {
      sendGathered(socket);
      ByteBuf length = socket.alloc().buffer(Integer.BYTES).writeInt(frame.length);
      write(socket, length);
      write(socket, Unpooled.wrappedBuffer(frame));
      return;
    }
    gathered.add(frame);
    sendIfMuch(socket);
  }

  /// As [#write(byte[])], of a request that is plain.
  ///
  /// @return whether it is; else nothing was done
  boolean writePlain(Request request) {
    Channel socket = channel;
    if (over || socket == null) {
      return true;
    }
    boolean plain = gathered.addPlain(request);
    if (!gathered.isInBatch()) {
      sendIfMuch(socket);
    }
    return plain;
  }

  /// Begins a frame of several requests, which [#writePlain] adds to up to [#endBatch].
  void beginBatch() {
    gathered.beginBatch();
  }

  /// Ends the frame that was begun, which leaves at the next [#flush].
  void endBatch() {
    gathered.endBatch();
    Channel socket = channel;
    if (over || socket == null) {
      gathered.clear();
    } else {
      sendIfMuch(socket);
    }
  }

  private void sendIfMuch(Channel socket) {
    if (gathered.size() >= GATHER_BYTES) {
      sendGathered(socket);
    }
  }

  private void sendGathered(Channel socket) {
    int size = gathered.size();
    if (size > 0) {
      write(socket, socket.alloc().ioBuffer(size).writeBytes(gathered.buffer(), 0, size));
      gathered.clear();
    }
  }

  private static void write(Channel socket, ByteBuf bytes) {
    var unused = socket.write(bytes); // a write that fails closes the channel, which is told
  }

  void flush() {
    Channel socket = channel;
    if (!over && socket != null) {
      sendGathered(socket);
      socket.flush();
    }
  }

  /// Ends the connection; the listener is told.
  void close(String reason) {
    end(new Closure(reason, Optional.empty(), null));
  }

  /// Ends the connection as one that this side refuses; the listener is told.
  void refuse(ErrorCode code, String reason) {
    end(new Closure(reason, Optional.of(code), null));
  }

  private void end(Closure closure) {
    if (over) {
      return;
    }
    over = true;
    openingDeadline.cancel(false);
    gathered.clear();
    Channel socket = channel;
    if (socket != null) {
      var unused = socket.close();
    }
    listener.closed(this, closure);
  }

  @Override
  protected void decode(ChannelHandlerContext context, ByteBuf in, List<Object> out) {
    if (over) {
      in.skipBytes(in.readableBytes());
      return;
    }
    if (in.readableBytes() < Integer.BYTES) {
      return;
    }
    int length = in.getInt(in.readerIndex());
    if (length <= 0 || length > frameBytesMax) {
      end(
          new Closure(
              "a frame of "
                  + Integer.toUnsignedString(length)
                  + " bytes is outside 1 to "
                  + frameBytesMax
                  + "; is this the data port of a Trellis process?",
              Optional.empty(),
              null));
      return;
    }
    if (in.readableBytes() < Integer.BYTES + length) {
      return;
    }
    try {
      byte[] message = room(length);
      in.getBytes(in.readerIndex() + Integer.BYTES, message, 0, length);
      in.skipBytes(Integer.BYTES + length);
      Frame frame = codec.decode(ByteBuffer.wrap(message, 0, length));
      handle(frame);
    } catch (WireException e) {
      end(new Closure("what it sent is no message: " + e.getMessage(), Optional.empty(), e));
    }
  }

  private byte[] room(int length) {
    if (length > SCRATCH_BYTES_MAX) {
      return new byte[length];
    }
    if (length > scratch.length) {
      scratch = new byte[Math.min(SCRATCH_BYTES_MAX, 2 * length)];
    }
    return scratch;
  }

  private void handle(Frame frame) {
    if (frame instanceof Frame.Refused refused) {
      end(new Closure(refused.message(), Optional.of(refused.code()), null));
    } else if (open) {
      listener.received(this, frame);
    } else if (frame instanceof Frame.Welcome welcome) {
      if (welcome.version() != Frame.PROTOCOL_VERSION) {
        end(
            new Closure(
                "it chose protocol version "
                    + welcome.version()
                    + "; this client speaks "
                    + Frame.PROTOCOL_VERSION,
                Optional.of(ErrorCode.BAD_REQUEST),
                null));
        return;
      }
      Optional<String> impostor = shown.flatMap(name -> objection(name, welcome));
      if (impostor.isPresent()) {
        end(new Closure(impostor.get(), Optional.empty(), null));
        return;
      }
      openingDeadline.cancel(false);
      open = true;
      frameBytesMax = Limits.FRAME_BYTES_MAX;
      listener.opened(this, welcome);
    } else {
      end(
          new Closure(
              "it answered the handshake with " + frame.getClass().getSimpleName(),
              Optional.empty(),
              null));
    }
  }

  /// Whether the other side has shown itself to be a node, if it has shown anything.
  boolean isNode() {
    return shown.map(name -> name.part() == CertificateName.Part.NODE).orElse(true);
  }

  /// Why somebody with this certificate cannot be who he says; empty if he can.
  private static Optional<String> objection(CertificateName name, Frame.Welcome welcome) {
    boolean fits =
        name.part() == CertificateName.Part.NODE
            ? name.isOf(welcome.clusterName(), name.part(), welcome.nodeId())
            : name.cluster().equals(welcome.clusterName());
    return fits
        ? Optional.empty()
        : Optional.of(
            "it says that it is "
                + welcome.nodeId()
                + " of cluster '"
                + welcome.clusterName()
                + "', but its certificate is of "
                + name.uri());
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext context) throws Exception {
    super.channelReadComplete(context);
    if (open && !over) {
      listener.passed(this);
    }
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext context) {
    if (open && !over && context.channel().isWritable()) {
      listener.passed(this);
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) throws Exception {
    super.channelInactive(context);
    end(new Closure("the connection was closed", Optional.empty(), null));
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    if (cause instanceof DecoderException && cause.getCause() instanceof SSLException) {
      end(failed(cause));
      return;
    }
    if (!(cause instanceof IOException)) {
      log.warn("the connection to {} failed unexpectedly", address, cause);
    }
    end(new Closure(String.valueOf(cause.getMessage()), Optional.empty(), cause));
  }
}
