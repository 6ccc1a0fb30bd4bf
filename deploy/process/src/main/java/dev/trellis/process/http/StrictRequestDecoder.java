package dev.trellis.process.http;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.DecoderResult;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpRequestDecoder;
import io.netty.handler.codec.http.LastHttpContent;
import java.util.List;

/// Netty's decoder, stricter: what two servers may understand differently is refused instead of
/// guessed, since they could be made to disagree on where a request ends, or whom it is for. So
/// these fail: a length told twice, other transfer codings than `chunked`, headers that go on in
/// the next line (RFC 9112, §5.2), more than one `Host`.
public final class StrictRequestDecoder extends HttpRequestDecoder {
  private static final int PIECE_BYTES = 64 << 10;

  private final Runnable onBytes;
  private boolean isInHead = true; // whether the next bytes are of a line or header
  private boolean isAtLineStart; // whether the last of them ended a line
  private boolean isFolded; // whether one of the header's lines goes on in the next

  /// @param lineBytesMax the longest request line
  /// @param headerBytesMax the longest header, all fields together
  /// @param onBytes called when bytes arrive, before they are decoded
  public StrictRequestDecoder(int lineBytesMax, int headerBytesMax, Runnable onBytes) {
    super(
        new HttpDecoderConfig()
            .setMaxInitialLineLength(lineBytesMax)
            .setMaxHeaderSize(headerBytesMax)
            .setMaxChunkSize(PIECE_BYTES)
            .setAllowDuplicateContentLengths(false)
            .setStrictLineParsing(true)
            .setUseRfc9112TransferEncoding(true));
    this.onBytes = onBytes;
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) throws Exception {
    onBytes.run();
    super.channelRead(context, message);
  }

  @Override
  protected void decode(ChannelHandlerContext context, ByteBuf buffer, List<Object> out)
      throws Exception {
    int from = buffer.readerIndex();
    int before = out.size();
    boolean wasInHead = isInHead;
    super.decode(context, buffer, out);
    if (wasInHead) {
      lookForFolds(buffer, from, buffer.readerIndex());
    }
    for (int at = before; at < out.size(); at++) {
      Object part = out.get(at);
      if (part instanceof HttpMessage head) {
        check(head);
        isInHead = false;
      }
      if (part instanceof LastHttpContent) {
        isInHead = true;
        isAtLineStart = false;
        isFolded = false;
      }
    }
  }

  private void lookForFolds(ByteBuf buffer, int from, int to) {
    for (int at = from; at < to; at++) {
      byte one = buffer.getByte(at);
      isFolded |= isAtLineStart && (one == ' ' || one == '\t');
      isAtLineStart = one == '\n';
    }
  }

  private void check(HttpMessage head) {
    List<String> codings = head.headers().getAll(HttpHeaderNames.TRANSFER_ENCODING);
    if (head.decoderResult().isFailure()) {
      return;
    }
    if (isFolded) {
      fail(head, "a header goes on in the next line");
    } else if (head.headers().getAll(HttpHeaderNames.HOST).size() > 1) {
      fail(head, "several hosts are given");
    } else if (codings.size() > 1
        || (codings.size() == 1 && !codings.getFirst().equalsIgnoreCase("chunked"))) {
      fail(head, "no other transfer coding is undone here than chunked");
    }
  }

  private static void fail(HttpMessage head, String why) {
    head.setDecoderResult(DecoderResult.failure(new IllegalArgumentException(why)));
  }

  @Override
  protected void handleTransferEncodingChunkedWithContentLength(HttpMessage message) {
    throw new IllegalArgumentException("both Content-Length and Transfer-Encoding are given");
  }
}
