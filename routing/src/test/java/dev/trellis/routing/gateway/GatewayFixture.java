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
    this(new Terms());
  }

  GatewayFixture(Terms terms) {
    gateway = Gateway.start(terms.config(), store, registry);
    address = gateway.address();
  }

  /// What a gateway under test puts up with: it is patient, unless a test says otherwise.
  static final class Terms {
    private InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    private Limits limits = Limits.DEFAULT;
    private int connectionsMax = 3_000;
    private long memoryBytes = 256 << 20;
    private Duration headerTimeout = PATIENT;
    private Duration bodyTimeout = PATIENT;
    private Duration idleTimeout = PATIENT;
    private Duration writeTimeout = PATIENT;
    private Duration heartbeat = PATIENT;
    private int principalsMax = 100;

    Terms address(InetSocketAddress taken) {
      address = taken;
      return this;
    }

    Terms limits(Limits sizes) {
      limits = sizes;
      return this;
    }

    Terms connectionsMax(int number) {
      connectionsMax = number;
      return this;
    }

    Terms memoryBytes(long number) {
      memoryBytes = number;
      return this;
    }

    Terms headerTimeout(Duration timeout) {
      headerTimeout = timeout;
      return this;
    }

    Terms bodyTimeout(Duration timeout) {
      bodyTimeout = timeout;
      return this;
    }

    Terms idleTimeout(Duration timeout) {
      idleTimeout = timeout;
      return this;
    }

    Terms writeTimeout(Duration timeout) {
      writeTimeout = timeout;
      return this;
    }

    Terms heartbeat(Duration period) {
      heartbeat = period;
      return this;
    }

    Terms principalsMax(int number) {
      principalsMax = number;
      return this;
    }

    GatewayConfig config() {
      return new GatewayConfig(
          address,
          1,
          limits,
          16 << 10,
          16 << 10,
          connectionsMax,
          memoryBytes,
          headerTimeout,
          bodyTimeout,
          idleTimeout,
          writeTimeout,
          heartbeat,
          PATIENT,
          principalsMax);
    }
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
