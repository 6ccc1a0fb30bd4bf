package dev.trellis.routing.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.trellis.wire.Limits;
import io.prometheus.client.CollectorRegistry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;

/// A gateway on a free port before a [LocalStore].
final class GatewayFixture implements AutoCloseable {
  /// Long enough for any machine, so that what is meant to be served is never given up.
  private static final Duration PATIENT = Duration.ofSeconds(50);

  private static final JsonMapper MAPPER = new JsonMapper();

  final LocalStore store = new LocalStore();
  final CollectorRegistry registry = new CollectorRegistry();
  final Gateway gateway;
  final InetSocketAddress address;

  GatewayFixture() {
    this(config(Limits.DEFAULT));
  }

  GatewayFixture(GatewayConfig config) {
    gateway = Gateway.start(config, store, registry);
    address = gateway.address();
  }

  static GatewayConfig config(Limits limits) {
    return new GatewayConfig(
        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
        1,
        limits,
        16 << 10,
        16 << 10,
        3_000,
        256 << 20,
        PATIENT,
        PATIENT,
        PATIENT,
        PATIENT,
        PATIENT,
        PATIENT,
        100);
  }

  RawHttp.Response get(String target, String... headers) {
    return RawHttp.get(address, target, headers);
  }

  RawHttp.Response post(String target, String json, String... headers) {
    return RawHttp.post(address, target, json, headers);
  }

  RawHttp.Response put(String target, String text, String... headers) {
    return RawHttp.put(address, target, text, headers);
  }

  RawHttp.Response delete(String target) {
    return RawHttp.exchange(address, "DELETE", target, new byte[0]);
  }

  /// Waits until nothing is held for bodies and answers; the time limit of the tests bounds it.
  void awaitMemoryGivenBack() {
    while (registry.getSampleValue("trellis_gateway_memory_bytes") != 0) {
      Thread.onSpinWait();
    }
  }

  static JsonNode json(RawHttp.Response response) {
    return json(response.text());
  }

  static JsonNode json(String text) {
    try {
      return MAPPER.readTree(text);
    } catch (IOException e) {
      throw new UncheckedIOException("no JSON: " + text, e);
    }
  }

  @Override
  public void close() {
    gateway.close();
  }
}
