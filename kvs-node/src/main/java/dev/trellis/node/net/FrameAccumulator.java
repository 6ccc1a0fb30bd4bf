package dev.trellis.node.net;

import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.WireException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.ByteToMessageDecoder;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/// Collects the bytes of a connection and cuts them into messages, one at a time and only when
/// asked, so that what a connection may not have done yet stays undecoded. Takes memory for bytes
/// that have come, never for bytes that were announced.
final class FrameAccumulator {
  static final int LENGTH_BYTES = 4;

  private final ByteBufAllocator allocator;
  private final byte[] scratch; // shared by the connections of a shard
  private ByteBuf bytes = Unpooled.EMPTY_BUFFER;

  /// @param scratch where short messages are put while they are decoded
  FrameAccumulator(ByteBufAllocator allocator, byte[] scratch) {
    this.allocator = allocator;
    this.scratch = scratch;
  }

  /// Takes over bytes that have come.
  void add(ByteBuf more) {
    if (bytes.isReadable()) {
      bytes.discardSomeReadBytes();
    }
    bytes = ByteToMessageDecoder.MERGE_CUMULATOR.cumulate(allocator, bytes, more);
  }

  /// How long the next message is going to be, without its length; 0 if that is not known yet.
  long announced() {
    return bytes.readableBytes() < LENGTH_BYTES ? 0 : bytes.getUnsignedInt(bytes.readerIndex());
  }

  /// Refuses a next message that is too long.
  ///
  /// @throws WireException if it is announced as longer than `bytesMax`
  void check(int bytesMax) throws WireException {
    long length = announced();
    if (length > bytesMax) {
      throw new WireException(
          ErrorCode.BAD_REQUEST,
          "a frame of " + length + " bytes" + asText() + " exceeds the limit of " + bytesMax);
    }
  }

  /// The next message, without its length; null if it has not come as a whole. Valid until the next
  /// call on this thread.
  @Nullable ByteBuffer next() {
    long length = announced();
    if (bytes.readableBytes() - LENGTH_BYTES < length) {
      return null;
    }
    bytes.skipBytes(LENGTH_BYTES);
    byte[] target = length <= scratch.length ? scratch : new byte[(int) length];
    bytes.readBytes(target, 0, (int) length);
    if (!bytes.isReadable()) {
      release();
    }
    return ByteBuffer.wrap(target, 0, (int) length);
  }

  /// Forgets all bytes.
  void release() {
    bytes.release();
    bytes = Unpooled.EMPTY_BUFFER;
  }

  /// Shows a length that is really text, as that of somebody who speaks HTTP here.
  private String asText() {
    byte[] start = new byte[LENGTH_BYTES];
    bytes.getBytes(bytes.readerIndex(), start);
    for (byte one : start) {
      if (one < ' ' || one > '~') {
        return "";
      }
    }
    return " ('" + new String(start, StandardCharsets.US_ASCII) + "' as text)";
  }
}
