package dev.trellis.bench.peers;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Expiry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.Limits;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import dev.trellis.wire.WireException;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.ByteToMessageDecoder;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// What the network costs: a process with the socket code's library and the frames of a node of one
/// shard, and no store. To each request it sends a reply that was made beforehand, of the size that
/// a node's would have, with the request's id in it. It looks into requests no further than it
/// must: at the id, and whether there is a value in it.
public final class EchoServer {
  private static final long INCARNATION = 0xec40;
  private static final int VARINT_MAX = 10;

  /// In a frame: what holds one request, several, one reply, several.
  private static final int SINGLE_TAG = 1 << 3 | 2;

  private static final int BATCH_TAG = 2 << 3 | 2;
  private static final int ANSWER_TAG = 3 << 3 | 2;
  private static final int ANSWERS_TAG = 4 << 3 | 2;
  private static final int REPLY_TAG = 1 << 3 | 2;

  private EchoServer() {}

  /// Serves until it is killed, and prints `ready PORT` once it does.
  ///
  /// @param arguments the port, 0 for a free one, and the size of the values that it answers with
  public static void main(String[] arguments) throws InterruptedException {
    int valueBytes = Integer.parseInt(arguments[1]);
    Channel listening = start(Integer.parseInt(arguments[0]), valueBytes);
    System.out.println("ready " + ((InetSocketAddress) listening.localAddress()).getPort());
    System.out.flush();
    listening.closeFuture().sync();
  }

  /// Starts it. Closing the channel stops it.
  static Channel start(int port, int valueBytes) throws InterruptedException {
    boolean epoll = Epoll.isAvailable();
    EventLoopGroup loop =
        new MultiThreadIoEventLoopGroup(
            1, epoll ? EpollIoHandler.newFactory() : NioIoHandler.newFactory());
    Channel listening =
        new ServerBootstrap()
            .group(loop)
            .channel(epoll ? EpollServerSocketChannel.class : NioServerSocketChannel.class)
            .childOption(ChannelOption.TCP_NODELAY, true)
            .childHandler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel channel) {
                    channel.pipeline().addLast(new Echo(valueBytes));
                  }
                })
            .bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port))
            .sync()
            .channel();
    var _ =
        listening
            .closeFuture()
            .addListener(
                _ -> {
                  var _ = loop.shutdownGracefully();
                });
    return listening;
  }

  /// The reply to a read, or a write, less its id.
  private static byte[] replyLessId(View view, int copies) {
    byte[] frame =
        FrameCodec.encode(
            new Frame.Answer(
                new Reply(
                    0,
                    new Outcome.Done(view, copies, false),
                    HybridTimestamp.ZERO,
                    Optional.of(Kind.LWW),
                    CausalContext.EMPTY,
                    new Receipt(copies, 0),
                    HybridTimestamp.ofMillis(System.currentTimeMillis()),
                    1)));
    int at = 1; // after the tag comes the length of the reply; an id of 0 is not written
    while (frame[at] < 0) {
      at++;
    }
    return Arrays.copyOfRange(frame, at + 1, frame.length);
  }

  /// One connection.
  private static final class Echo extends ByteToMessageDecoder {
    private final FrameCodec codec = new FrameCodec(Limits.DEFAULT);
    private final byte[] readReply;
    private final byte[] writeReply;
    private final int valueBytes;
    private @Nullable ByteBuf gathered; // what leaves at the end of this pass

    Echo(int valueBytes) {
      this.valueBytes = valueBytes;
      this.readReply =
          replyLessId(new View.Bytes(Payload.of(new byte[valueBytes]), Expiry.NEVER), 0);
      this.writeReply = replyLessId(new View.Nothing(), 1);
    }

    @Override
    protected void decode(ChannelHandlerContext context, ByteBuf in, List<Object> out)
        throws WireException {
      while (in.readableBytes() >= Integer.BYTES) {
        int length = in.getInt(in.readerIndex());
        if (in.readableBytes() < Integer.BYTES + length) {
          return;
        }
        in.skipBytes(Integer.BYTES);
        int end = in.readerIndex() + length;
        answer(context, in, length);
        in.readerIndex(end);
      }
    }

    private void answer(ChannelHandlerContext context, ByteBuf in, int length)
        throws WireException {
      ByteBuf to = gathered;
      if (to == null) {
        to = context.alloc().buffer(1 << 12);
        gathered = to;
      }
      switch (in.getByte(in.readerIndex())) {
        case SINGLE_TAG -> {
          in.skipBytes(1);
          int bytes = (int) varint(in);
          single(in, bytes, to);
        }
        case BATCH_TAG -> {
          in.skipBytes(1);
          int end = (int) varint(in);
          batch(in, in.readerIndex() + end, to);
        }
        default -> control(codec.decode(in.nioBuffer(in.readerIndex(), length)), context, to);
      }
    }

    private void single(ByteBuf in, int bytes, ByteBuf to) {
      long id = id(in);
      byte[] rest = bytes > valueBytes ? writeReply : readReply;
      int replyBytes = 1 + size(id) + rest.length;
      to.writeInt(1 + size(replyBytes) + replyBytes).writeByte(ANSWER_TAG);
      varint(to, replyBytes);
      reply(to, id, rest);
    }

    private void batch(ByteBuf in, int end, ByteBuf to) {
      ByteBuf replies = Unpooled.buffer(1 << 12);
      while (in.readerIndex() < end) {
        in.skipBytes(1);
        int bytes = (int) varint(in);
        int next = in.readerIndex() + bytes;
        long id = id(in);
        byte[] rest = bytes > valueBytes ? writeReply : readReply;
        replies.writeByte(REPLY_TAG);
        varint(replies, 1 + size(id) + rest.length);
        reply(replies, id, rest);
        in.readerIndex(next);
      }
      int bytes = replies.readableBytes();
      to.writeInt(1 + size(bytes) + bytes).writeByte(ANSWERS_TAG);
      varint(to, bytes);
      to.writeBytes(replies);
    }

    private static void reply(ByteBuf to, long id, byte[] rest) {
      to.writeByte(1 << 3);
      varint(to, id);
      to.writeBytes(rest);
    }

    /// The id of a request stands first in it.
    private static long id(ByteBuf in) {
      in.skipBytes(1);
      return varint(in);
    }

    private static long varint(ByteBuf in) {
      long value = 0;
      for (int shift = 0; shift < VARINT_MAX * 7; shift += 7) {
        byte next = in.readByte();
        value |= (long) (next & 0x7f) << shift;
        if (next >= 0) {
          return value;
        }
      }
      throw new IllegalArgumentException("a number of more than 10 bytes");
    }

    private static void varint(ByteBuf out, long value) {
      long rest = value;
      while ((rest & ~0x7fL) != 0) {
        out.writeByte((int) ((rest & 0x7f) | 0x80));
        rest >>>= 7;
      }
      out.writeByte((int) rest);
    }

    private static int size(long value) {
      return Math.max(1, (Long.SIZE - Long.numberOfLeadingZeros(value) + 6) / 7);
    }

    /// What comes now and then is decoded and answered as a node of one shard would.
    private static void control(Frame frame, ChannelHandlerContext context, ByteBuf to) {
      HybridTimestamp now = HybridTimestamp.ofMillis(System.currentTimeMillis());
      Frame answer =
          switch (frame) {
            case Frame.Hello _ ->
                new Frame.Welcome(
                    Frame.PROTOCOL_VERSION, "echo", "echo", 0, INCARNATION, now, Limits.DEFAULT, 1);
            case Frame.MapRequest asked ->
                new Frame.ClusterMap(asked.id(), 1, "echo", 0, List.of(self(context)));
            case Frame.Ping ping -> new Frame.Pong(ping.id(), now);
            default ->
                throw new IllegalArgumentException(
                    "an echo server has no answer to a " + frame.getClass().getSimpleName());
          };
      byte[] bytes = FrameCodec.encode(answer);
      to.writeInt(bytes.length).writeBytes(bytes);
    }

    private static NodeDescriptor self(ChannelHandlerContext context) {
      int port = ((InetSocketAddress) context.channel().localAddress()).getPort();
      return new NodeDescriptor(
          "echo",
          NodeDescriptor.Tier.MEMORY,
          "127.0.0.1",
          List.of(port),
          port,
          INCARNATION,
          1,
          NodeDescriptor.State.ACTIVE,
          "",
          0);
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext context) throws Exception {
      super.channelReadComplete(context);
      ByteBuf full = gathered;
      if (full != null) {
        gathered = null;
        var _ = context.writeAndFlush(full);
      }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      System.err.println(cause);
      var _ = context.close();
    }
  }
}
