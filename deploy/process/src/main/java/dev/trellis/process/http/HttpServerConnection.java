package dev.trellis.process.http;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One connection of an [HttpServer]. Takes one request at a time: while one is answered the socket
/// is not read. Confined to the event loop of its channel, but for what says otherwise.
final class HttpServerConnection extends ChannelInboundHandlerAdapter {
  private static final Logger LOG = LoggerFactory.getLogger(HttpServerConnection.class);
  private static final String TEXT = "text/plain; charset=utf-8";

  private enum State {
    /// Between requests, or one arrives.
    TAKING,
    /// A request is answered.
    ANSWERING,
    /// An answer goes on for as long as somebody listens.
    STREAMING,
    /// The last answer is written.
    ENDING
  }

  private final HttpConfig config;
  private final HttpHandler handler;
  private final Executor threads;
  private final Admissions admissions;
  private final Queue<Object> arrived = new ArrayDeque<>(); // decoded, waiting for their turn
  private @Nullable ChannelHandlerContext context;
  private @Nullable Future<?> deadline;
  private @Nullable HttpRequest request; // whose body arrives
  private ByteBuf body = Unpooled.EMPTY_BUFFER;
  private State state = State.TAKING;
  private boolean isArriving; // whether a request has begun to
  private boolean keepsAlive;
  private boolean isHttp10;
  private boolean hasInputEnded;

  HttpServerConnection(
      HttpConfig config, HttpHandler handler, Executor threads, Admissions admissions) {
    this.config = config;
    this.handler = handler;
    this.threads = threads;
    this.admissions = admissions;
  }

  /// Bytes have arrived.
  void onBytes() {
    if (state == State.TAKING && !isArriving) {
      isArriving = true;
      arm(config.requestTimeout(), this::requestIsLate);
    }
  }

  /// For any thread.
  Channel channel() {
    return context().channel();
  }

  @Override
  public void handlerAdded(ChannelHandlerContext added) {
    context = added;
  }

  @Override
  public void channelActive(ChannelHandlerContext ignored) {
    arm(config.requestTimeout(), this::close);
  }

  @Override
  public void channelRead(ChannelHandlerContext ignored, Object message) {
    arrived.add(message);
    take();
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext ignored, Object event) {
    if (event instanceof ChannelInputShutdownEvent) {
      hasInputEnded = true;
      if (state != State.ANSWERING) {
        close();
      }
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext ignored) {
    disarm();
    arrived.forEach(ReferenceCountUtil::release);
    arrived.clear();
    body.release();
    body = Unpooled.EMPTY_BUFFER;
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ignored, Throwable cause) {
    if (!PeerFaults.isOfPeer(cause)) {
      LOG.error("a connection of {} fails", channel().remoteAddress(), cause);
    }
    close();
  }

  private void take() {
    while (state != State.ANSWERING && !arrived.isEmpty()) {
      Object message = arrived.remove();
      try {
        if (state == State.TAKING) {
          take(message);
        }
      } finally {
        ReferenceCountUtil.release(message);
      }
    }
  }

  private void take(Object message) {
    if (message instanceof HttpRequest head) {
      request = head;
      keepsAlive = HttpUtil.isKeepAlive(head);
      isHttp10 = head.protocolVersion().equals(HttpVersion.HTTP_1_0);
      if (head.decoderResult().isFailure()) {
        refuse(head.decoderResult().cause());
        return;
      }
      if (head.protocolVersion().majorVersion() != 1) {
        refuse(400, head.protocolVersion() + " is not spoken here; use HTTP/1.1");
        return;
      }
      if (head.headers().contains(HttpHeaderNames.EXPECT)) {
        refuse(417, "say at once what is to be said");
        return;
      }
    }
    if (message instanceof HttpContent content) {
      take(content);
    }
  }

  private void take(HttpContent content) {
    if (content.decoderResult().isFailure()) {
      refuse(content.decoderResult().cause());
      return;
    }
    int size = content.content().readableBytes();
    if (size > 0) {
      if (body.readableBytes() + size > config.bodyBytesMax()) {
        refuse(413, "the body has more than " + config.bodyBytesMax() + " bytes");
        return;
      }
      body = body.isReadable() ? body : Unpooled.buffer(size);
      body.writeBytes(content.content());
    }
    if (content instanceof LastHttpContent && request != null) {
      begin(request);
    }
  }

  private void begin(HttpRequest whole) {
    state = State.ANSWERING;
    isArriving = false;
    disarm();
    admissions.works(channel());
    channel().config().setAutoRead(false);
    HttpExchange exchange = new HttpExchange(this, whole, ByteBufUtil.getBytes(body));
    body.release();
    body = Unpooled.EMPTY_BUFFER;
    request = null;
    try {
      threads.execute(() -> answer(exchange));
    } catch (RejectedExecutionException e) {
      close(); // the server closes
    }
  }

  /// On a thread of its own.
  private void answer(HttpExchange exchange) {
    try {
      handler.handle(exchange);
    } catch (RuntimeException | Error defect) {
      LOG.error("a request was not answered", defect);
    } catch (IOException e) {
      LOG.debug("whoever asked has gone", e);
    }
    if (!exchange.hasBegun()) {
      exchange.respond(500, TEXT, "that failed; the log says why\n");
    }
  }

  /// Sends a whole answer. For any thread.
  void answer(FullHttpResponse response) {
    context().executor().execute(() -> write(response));
  }

  private void write(FullHttpResponse response) {
    if (state != State.ANSWERING) {
      response.release();
      return;
    }
    keepsAlive &= !hasInputEnded || !arrived.isEmpty();
    setCommonHeaders(response);
    arm(config.writeTimeout(), this::close);
    context().writeAndFlush(response).addListener(written -> written(written.isSuccess()));
  }

  private void written(boolean succeeded) {
    if (!succeeded || !keepsAlive) {
      close();
      return;
    }
    state = State.TAKING;
    admissions.waits(channel());
    arm(config.idleTimeout(), this::close);
    take();
    if (state == State.TAKING) {
      channel().config().setAutoRead(true);
    }
  }

  /// Sends the header of an answer that goes on. For any thread.
  ChannelFuture beginStream(HttpResponse response) {
    var begun = channel().newPromise();
    context()
        .executor()
        .execute(
            () -> {
              state = State.STREAMING;
              keepsAlive = false;
              setCommonHeaders(response);
              // Who goes is noticed by reading.
              channel().config().setAutoRead(true);
              var _ = context().writeAndFlush(response, begun);
              take();
            });
    return begun;
  }

  /// Ends an answer that goes on. For any thread.
  void endStream(LastHttpContent end) {
    channel().writeAndFlush(end).addListener(ChannelFutureListener.CLOSE);
  }

  private void setCommonHeaders(HttpResponse response) {
    response
        .headers()
        .set(
            HttpHeaderNames.DATE,
            DateTimeFormatter.RFC_1123_DATE_TIME.format(ZonedDateTime.now(ZoneOffset.UTC)));
    if (!keepsAlive) {
      response.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
    } else if (isHttp10) {
      response.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.KEEP_ALIVE);
    }
  }

  private void requestIsLate() {
    refuse(408, "the request did not arrive within " + config.requestTimeout().toMillis() + " ms");
  }

  private void refuse(Throwable cause) {
    switch (cause) {
      case TooLongHttpLineException _ ->
          refuse(414, "the request line is longer than " + config.lineBytesMax() + " bytes");
      case TooLongHttpHeaderException _ ->
          refuse(431, "the header is longer than " + config.headerBytesMax() + " bytes");
      default -> refuse(400, "this is no request of HTTP/1.1");
    }
  }

  /// Answers what is no request, or not the whole of one, and closes.
  private void refuse(int status, String why) {
    state = State.ENDING;
    keepsAlive = false;
    disarm();
    byte[] text = (why + "\n").getBytes(StandardCharsets.UTF_8);
    FullHttpResponse response =
        new DefaultFullHttpResponse(
            HttpVersion.HTTP_1_1, HttpResponseStatus.valueOf(status), Unpooled.wrappedBuffer(text));
    response
        .headers()
        .set(HttpHeaderNames.CONTENT_TYPE, TEXT)
        .set(HttpHeaderNames.CONTENT_LENGTH, text.length);
    setCommonHeaders(response);
    LastWords.say(response, context());
  }

  private void arm(Duration after, Runnable task) {
    disarm();
    deadline = context().executor().schedule(task, after.toMillis(), TimeUnit.MILLISECONDS);
  }

  private void disarm() {
    if (deadline != null) {
      deadline.cancel(false);
      deadline = null;
    }
  }

  private void close() {
    var _ = context().close();
  }

  private ChannelHandlerContext context() {
    if (context == null) {
      throw new IllegalStateException("the connection is not open yet");
    }
    return context;
  }
}
