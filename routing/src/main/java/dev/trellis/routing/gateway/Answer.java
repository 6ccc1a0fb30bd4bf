package dev.trellis.routing.gateway;

import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.process.http.BearerToken;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http.DefaultHttpHeaders;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import java.util.Optional;

/// How a request is answered.
sealed interface Answer {
  /// With one body.
  ///
  /// @param body on the heap, so that nobody needs to release it
  record Whole(int status, HttpHeaders headers, ByteBuf body) implements Answer {
    static Whole of(int status, String contentType, ByteBuf body) {
      HttpHeaders headers = new DefaultHttpHeaders();
      headers.set(HttpHeaderNames.CONTENT_TYPE, contentType);
      return new Whole(status, headers, body);
    }

    /// An answer of 200 or another status in JSON.
    static Whole json(int status, Json.Writing writing) {
      return of(status, Json.MEDIA_TYPE, Json.write(writing));
    }

    static Whole of(Problem problem) {
      Whole answer =
          of(
              problem.status(),
              Problem.MEDIA_TYPE,
              Json.write(json -> Views.writeProblem(json, problem)));
      problem
          .retryAfterSeconds()
          .ifPresent(seconds -> answer.headers.set(HttpHeaderNames.RETRY_AFTER, seconds));
      if (problem.type() == ProblemType.UNAUTHENTICATED) {
        answer.headers.set(HttpHeaderNames.WWW_AUTHENTICATE, BearerToken.CHALLENGE);
      }
      problem.allow().ifPresent(allow -> answer.headers.set(HttpHeaderNames.ALLOW, allow));
      return answer;
    }

    static Whole text(String contentType, byte[] body) {
      return of(200, contentType, Unpooled.wrappedBuffer(body));
    }
  }

  /// With server-sent events, for as long as the client listens.
  record Events(Payload key, Optional<Kind> kind) implements Answer {}
}
