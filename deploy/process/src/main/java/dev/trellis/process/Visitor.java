package dev.trellis.process;

import dev.trellis.access.AccessList.Authentication;
import dev.trellis.access.AccessList.Authentication.Known;
import dev.trellis.access.AccessList.Authentication.Unknown;
import dev.trellis.lattice.Payload;
import dev.trellis.process.http.BearerToken;
import dev.trellis.process.http.HttpExchange;
import java.net.InetSocketAddress;
import java.util.Optional;

/// Who asks over HTTP: by the API key in `Authorization: Bearer KEY`, else by the certificate of
/// the connection.
///
/// @param from where he is, as `10.0.0.7:4711`
/// @param undecided whether he is not known just because nobody is yet, see [Doorkeeper.Visit]
public record Visitor(Authentication authentication, String from, boolean undecided) {
  /// Finds out.
  public static Visitor of(HttpExchange exchange, Protection protection) {
    Payload credentials =
        BearerToken.of(exchange.headers("Authorization"))
            .map(Payload::ofText)
            .orElse(Payload.EMPTY);
    Optional<Doorkeeper.Certificate> certificate = exchange.session().flatMap(Tls::shownBy);
    String from = address(exchange.remote());
    if (credentials.isEmpty() && certificate.isEmpty()) {
      String reason = "show an API key that is known here: Authorization: Bearer trellis_…";
      return new Visitor(new Unknown(reason), from, false);
    }
    Doorkeeper.Visit visit =
        protection.doorkeeper().visit(credentials, certificate, System.currentTimeMillis());
    return new Visitor(visit.authentication(), from, visit.isEarly());
  }

  /// The name of who asks; empty if that is not known.
  public String principal() {
    return authentication instanceof Known known ? known.caller().principal() : "";
  }

  /// Where somebody is, for the audit log.
  public static String address(InetSocketAddress remote) {
    return remote.getAddress().getHostAddress() + ":" + remote.getPort();
  }
}
