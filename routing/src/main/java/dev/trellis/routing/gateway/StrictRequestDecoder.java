package dev.trellis.routing.gateway;

import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpRequestDecoder;

/// Netty's decoder, stricter: a message whose length is told twice is refused instead of guessed,
/// since two servers that guess differently can be made to disagree on where a request ends.
final class StrictRequestDecoder extends HttpRequestDecoder {
  private static final int PIECE_BYTES = 64 << 10;

  private final Runnable onBytes;

  /// @param onBytes called when bytes arrive, before they are decoded
  StrictRequestDecoder(GatewayConfig config, Runnable onBytes) {
    super(
        new HttpDecoderConfig()
            .setMaxInitialLineLength(config.lineBytesMax())
            .setMaxHeaderSize(config.headerBytesMax())
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
  protected void handleTransferEncodingChunkedWithContentLength(HttpMessage message) {
    throw new IllegalArgumentException("both Content-Length and Transfer-Encoding are given");
  }
}
