package dev.trellis.node.net;

import dev.trellis.node.shard.WireSize;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.PlainReply;
import dev.trellis.wire.Reply;
import dev.trellis.wire.ReplyPack;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelProgressiveFuture;
import io.netty.channel.ChannelProgressiveFutureListener;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.ssl.SslHandler;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The way out of a connection: packs replies that are ready together into one frame, encodes, and
/// knows how much the other side has yet to read.
final class Outbound {
  private static final int PACK_BYTES_MAX = 256 << 10;

  private final ShardServer shard;
  private final Channel channel;
  private final SharedMemory memory;
  private final ShardTallies tallies;
  private final long packBytes;
  private @Nullable ReplyPack ready; // never above packBytes
  private boolean unflushed;
  private long pendingBytes; // written and not taken by the socket
  private final Pace pace; // at which the socket takes some
  private final boolean encrypts; // and so is told of what was encrypted, by [#moved]

  /// @param bytesMax what may wait for the other side; see [#hasRoom]
  Outbound(ShardServer shard, Channel channel, int bytesMax) {
    this.shard = shard;
    this.channel = channel;
    this.memory = shard.outboundMemory();
    this.tallies = shard.tallies();
    this.pace = new Pace(shard.clock());
    this.encrypts = shard.plane().protection().isPresent();
    this.packBytes = Math.min(PACK_BYTES_MAX, bytesMax / 4);
  }

  /// Whether the other side keeps up: else only what was promised before may be written.
  boolean hasRoom() {
    return channel.isWritable();
  }

  /// Bytes written that the socket has not taken yet.
  long pendingBytes() {
    return pendingBytes;
  }

  /// Whether the other side has long been reading less than it must where others wait; see [Pace].
  boolean isSlow(Duration patience) {
    return pendingBytes > 0 && pace.isBehind(patience);
  }

  /// Takes note that the socket has taken something.
  void moved(int bytes) {
    pace.moved(bytes);
  }

  /// Adds a reply to the pack that goes out next.
  void add(Reply reply) {
    long size = WireSize.of(reply);
    if (size >= packBytes) {
      write(new Frame.Answer(reply));
    } else {
      room(size).add(reply);
    }
  }

  /// As [#add(Reply)].
  void add(PlainReply reply) {
    room(reply.size()).add(reply);
  }

  /// The pack, with room for one more reply.
  private ReplyPack room(long size) {
    ReplyPack pack = ready;
    if (pack != null && pack.size() + size > packBytes) {
      writeReady();
      pack = null;
    }
    if (pack == null) {
      pack = shard.takePack();
      ready = pack;
    }
    return pack;
  }

  /// Writes a frame that is no reply, after the replies that are ready.
  void write(Frame frame) {
    writeReady();
    encode(frame);
  }

  /// Sends what was written.
  void flush() {
    writeReady();
    if (unflushed) {
      unflushed = false;
      channel.flush();
    }
  }

  /// Sends what was written, then tells the other side that no more will come.
  ///
  /// @param then done after that, unless the socket breaks first
  void finish(Runnable then) {
    writeReady();
    unflushed = false;
    channel
        .writeAndFlush(Unpooled.EMPTY_BUFFER)
        .addListener(
            written -> {
              if (written.isSuccess()) {
                endOutput();
                then.run();
              }
            });
  }

  private void endOutput() {
    DuplexChannel socket = (DuplexChannel) channel;
    SslHandler tls = channel.pipeline().get(SslHandler.class);
    if (tls == null) {
      var _ = socket.shutdownOutput();
    } else {
      // Else the other side could not tell this end from one that somebody between them made.
      tls.closeOutbound()
          .addListener(
              told -> {
                var _ = socket.shutdownOutput();
              });
    }
  }

  private void writeReady() {
    ReplyPack pack = ready;
    if (pack == null) {
      return;
    }
    ready = null;
    int from = pack.finish();
    int size = pack.end() - from;
    send(channel.alloc().ioBuffer(size).writeBytes(pack.buffer(), from, size));
    shard.giveBack(pack);
  }

  private void encode(Frame frame) {
    byte[] message = FrameCodec.encode(frame);
    if (message.length > Limits.FRAME_BYTES_MAX) {
      message = FrameCodec.encode(tooLong(frame, message.length));
    }
    int size = FrameAccumulator.LENGTH_BYTES + message.length;
    send(channel.alloc().ioBuffer(size).writeInt(message.length).writeBytes(message));
  }

  private void send(ByteBuf buffer) {
    int size = buffer.readableBytes();
    if (pendingBytes == 0) {
      pace.begin();
    }
    pendingBytes += size;
    tallies.bytesPending.add(size);
    memory.take(size);
    unflushed = true;
    var _ = channel.write(buffer, channel.newProgressivePromise().addListener(new Taking(size)));
  }

  /// Sees a frame go.
  private final class Taking implements ChannelProgressiveFutureListener {
    private final int size;
    private long seen; // of its bytes, to have gone

    Taking(int size) {
      this.size = size;
    }

    @Override
    public void operationProgressed(ChannelProgressiveFuture future, long taken, long total) {
      if (!encrypts) {
        pace.moved(taken - seen);
        seen = taken;
      }
    }

    @Override
    public void operationComplete(ChannelProgressiveFuture future) {
      pendingBytes -= size;
      pace.begin(); // of the next one
      tallies.bytesPending.add(-size);
      if (future.isSuccess()) {
        tallies.bytesSent.add(size);
      }
      memory.give(size);
    }
  }

  /// What to say instead of something that nobody would accept.
  private static Frame tooLong(Frame frame, int length) {
    Outcome.Failed failed =
        new Outcome.Failed(
            ErrorCode.VALUE_TOO_LARGE,
            "the answer would take "
                + length
                + " bytes, and a frame holds "
                + Limits.FRAME_BYTES_MAX
                + "; ask for a part of the value");
    return switch (frame) {
      case Frame.Answer answer -> new Frame.Answer(withOutcome(answer.reply(), failed));
      case Frame.Changed changed -> new Frame.Changed(withOutcome(changed.reply(), failed));
      case Frame.Scanned scanned ->
          new Frame.Scanned(scanned.id(), List.of(), false, Optional.of(failed));
      default ->
          throw new IllegalStateException(
              frame.getClass().getSimpleName() + " of " + length + " bytes fits no frame");
    };
  }

  private static Reply withOutcome(Reply reply, Outcome outcome) {
    return new Reply(
        reply.id(),
        outcome,
        reply.generation(),
        reply.kind(),
        reply.dots(),
        reply.receipt(),
        reply.clock(),
        reply.ringVersion(),
        reply.placement(),
        reply.fieldGenerations());
  }
}
