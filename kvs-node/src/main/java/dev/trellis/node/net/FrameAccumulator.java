package dev.trellis.node.net;

import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.WireException;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.ByteToMessageDecoder;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/// Collects the bytes of a connection and cuts them into messages, one at a time and only when
/// asked, so that what a connection may not have done yet stays undecoded. Takes memory for bytes
/// that have come, never for bytes that were announced.
final class FrameAccumulator {
  static final int LENGTH_BYTES = 4;

  private static final byte[] NONE = {};
  private static final VarHandle INTS =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);

  private final ByteBufAllocator allocator;
  private final Scratch scratch; // shared by the connections of a shard
  private ByteBuf bytes = Unpooled.EMPTY_BUFFER;

  // The part of the bytes that is also in the scratch, as long as that is ours: copied at once,
  // since copying each short message by itself costs more than decoding it.
  private int copiedFrom;
  private int copiedTo;

  // The message that was taken last.
  private byte[] message = NONE;
  private int messageAt;
  private int messageLength;

  /// @param scratch where short messages are put while they are decoded
  FrameAccumulator(ByteBufAllocator allocator, Scratch scratch) {
    this.allocator = allocator;
    this.scratch = scratch;
  }

  /// Takes over bytes that have come.
  void add(ByteBuf more) {
    forgetCopy();
    if (bytes.isReadable()) {
      bytes.discardSomeReadBytes();
    }
    bytes = ByteToMessageDecoder.MERGE_CUMULATOR.cumulate(allocator, bytes, more);
  }

  /// How long the next message is going to be, without its length; 0 if that is not known yet.
  long announced() {
    int at = bytes.readerIndex();
    if (scratch.user == this && at + LENGTH_BYTES <= copiedTo) {
      return (int) INTS.get(scratch.bytes, at - copiedFrom) & 0xFFFFFFFFL;
    }
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

  /// Takes the next message, if it has come as a whole: [#message] is it then, until another
  /// connection of the shard takes one.
  boolean next() {
    long length = announced();
    int whole = bytes.readableBytes();
    if (whole - LENGTH_BYTES < length) {
      return false;
    }
    int from = bytes.readerIndex() + LENGTH_BYTES;
    messageLength = (int) length;
    if (LENGTH_BYTES + length <= scratch.bytes.length) {
      if (scratch.user != this || from + messageLength > copiedTo) {
        copy();
      }
      message = scratch.bytes;
      messageAt = from - copiedFrom;
    } else {
      message = new byte[messageLength];
      messageAt = 0;
      bytes.getBytes(from, message);
    }
    bytes.readerIndex(from + messageLength);
    if (!bytes.isReadable()) {
      release();
    }
    return true;
  }

  /// The array that holds the message without its length, which is [#messageLength] bytes from
  /// [#messageAt].
  byte[] message() {
    return message;
  }

  int messageAt() {
    return messageAt;
  }

  int messageLength() {
    return messageLength;
  }

  /// The message, without its length.
  ByteBuffer messageBuffer() {
    return ByteBuffer.wrap(message, messageAt, messageLength);
  }

  /// Lets go of the message, which may be long.
  void forgetMessage() {
    message = NONE;
  }

  /// Copies as many of the bytes as there is room for.
  private void copy() {
    int count = Math.min(bytes.readableBytes(), scratch.bytes.length);
    copiedFrom = bytes.readerIndex();
    copiedTo = copiedFrom + count;
    bytes.getBytes(copiedFrom, scratch.bytes, 0, count);
    scratch.user = this;
  }

  private void forgetCopy() {
    if (scratch.user == this) {
      scratch.user = null;
    }
  }

  /// Forgets all bytes.
  void release() {
    forgetCopy();
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
