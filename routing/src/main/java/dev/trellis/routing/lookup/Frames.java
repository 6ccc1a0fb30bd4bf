package dev.trellis.routing.lookup;

import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.Limits;
import dev.trellis.wire.WireException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import java.util.List;

/// Cuts a connection's bytes into frames. A frame that cannot be read is handed on as the
/// [WireException] that says why; nothing is read after it.
final class Frames extends ByteToMessageDecoder {
  private static final int LENGTH_BYTES = 4;

  private final FrameCodec codec = new FrameCodec(Limits.DEFAULT);
  private final int bytesMax;
  private boolean isBroken;

  /// @param bytesMax longest frame, without its length
  Frames(int bytesMax) {
    this.bytesMax = bytesMax;
  }

  /// A frame as it travels.
  static ByteBuf encode(Frame frame) {
    byte[] message = FrameCodec.encode(frame);
    return Unpooled.buffer(LENGTH_BYTES + message.length)
        .writeInt(message.length)
        .writeBytes(message);
  }

  @Override
  protected void decode(ChannelHandlerContext context, ByteBuf in, List<Object> out) {
    if (isBroken) {
      in.skipBytes(in.readableBytes());
      return;
    }
    if (in.readableBytes() < LENGTH_BYTES) {
      return;
    }
    long length = in.getUnsignedInt(in.readerIndex());
    if (length > bytesMax) {
      isBroken = true;
      in.skipBytes(in.readableBytes());
      out.add(
          new WireException(
              ErrorCode.BAD_REQUEST,
              "a frame of " + length + " bytes exceeds the limit of " + bytesMax));
      return;
    }
    if (in.readableBytes() < LENGTH_BYTES + length) {
      return;
    }
    in.skipBytes(LENGTH_BYTES);
    ByteBuf message = in.readSlice((int) length);
    try {
      out.add(codec.decode(message.nioBuffer()));
    } catch (WireException e) {
      isBroken = true;
      out.add(e);
    }
  }
}
