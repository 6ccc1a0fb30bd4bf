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
/// @param undecided whether he showed something that is not known just because nothing is yet: the
///   list of principals has not come from the store
public record Visitor(Authentication authentication, String from, boolean undecided) {
  /// Finds out.
  public static Visitor of(HttpExchange exchange, Protection protection) {
    Payload credentials =
        BearerToken.of(exchange.headers("Authorization"))
            .map(Payload::ofText)
            .orElse(Payload.EMPTY);
    Optional<Doorkeeper.Certificate> certificate = exchange.session().flatMap(Tls::shownBy);
    Authentication found =
        credentials.isEmpty() && certificate.isEmpty()
            ? new Unknown("show an API key that is known here: Authorization: Bearer trellis_…")
            : protection
                .doorkeeper()
                .authenticate(credentials, certificate, System.currentTimeMillis());
    boolean undecided =
        found instanceof Unknown && !credentials.isEmpty() && !protection.doorkeeper().hasHeard();
    return new Visitor(found, address(exchange.remote()), undecided);
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
