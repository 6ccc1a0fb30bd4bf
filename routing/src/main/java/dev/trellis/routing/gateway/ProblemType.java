package dev.trellis.routing.gateway;

import dev.trellis.wire.ErrorCode;
import java.util.Locale;

/// What can go wrong with an HTTP request: the codes of the wire protocol, and those that only HTTP
/// has. Names and statuses are part of the REST interface.
enum ProblemType {
  BAD_REQUEST(400, "The request makes no sense as it stands"),
  KEY_TOO_LONG(400, "The key is longer than the cluster accepts"),
  CLOCK_SKEW(400, "The clocks of gateway and node are too far apart"),
  UNAUTHENTICATED(401, "The cluster does not know who is calling"),
  FORBIDDEN(403, "The caller may not do this"),
  KEY_MISSING(404, "There is nothing under this key"),
  PATH_UNKNOWN(404, "There is no such path"),
  METHOD_NOT_ALLOWED(405, "The path does not take this method"),
  REQUEST_TIMEOUT(408, "The request did not arrive in time"),
  NOT_REACHED(408, "What was waited for has not come in time"),
  KIND_MISMATCH(409, "The key holds another kind of value"),
  SUPERSEDED(409, "The key was deleted or expired since the generation named"),
  INVOCATION_EXPIRED(410, "The invocation is too old to be run again"),
  LENGTH_REQUIRED(411, "The length of the body must be told"),
  VALUE_TOO_LARGE(413, "The value or document is larger than accepted"),
  URI_TOO_LONG(414, "The request line is longer than accepted"),
  MEDIA_TYPE_UNSUPPORTED(415, "The body is of a form that is not understood here"),
  HEADERS_TOO_LARGE(431, "The header is larger than accepted"),
  INTERNAL(500, "A defect of the gateway"),
  NOT_OWNER(503, "The node asked does not own the key"),
  MOVED(503, "The key is kept elsewhere"),
  STALE_PEER(503, "The node asked was declared gone"),
  SESSION_UNAVAILABLE(503, "No replica can meet the guarantees of the session"),
  OVERLOADED(503, "Too much is going on at once"),
  NO_NODES(503, "No node of the cluster can be reached"),
  NOT_ENOUGH_REPLICAS(503, "Fewer replicas than asked for have the write"),
  TIMEOUT(504, "No answer came in time"),
  OUTCOME_UNKNOWN(504, "The request may or may not have been carried out"),
  OUT_OF_MEMORY(507, "The node's memory is full"),
  DISK_FULL(507, "The node's disk is full");

  private final int status;
  private final String title;

  ProblemType(int status, String title) {
    this.status = status;
    this.title = title;
  }

  static ProblemType of(ErrorCode code) {
    return valueOf(code.name());
  }

  int status() {
    return status;
  }

  /// One sentence for people, the same for every problem of this type.
  String title() {
    return title;
  }

  /// The URI that RFC 9457 wants: it names the type and is not meant to be opened.
  String uri() {
    return "tag:trellis.dev,2026:" + name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /// Whether the same request may well succeed a little later.
  boolean isTransient() {
    return status == 503 || status == 507;
  }
}
