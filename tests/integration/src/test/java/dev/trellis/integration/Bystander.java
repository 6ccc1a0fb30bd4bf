package dev.trellis.integration;

import dev.trellis.client.ClientConfig;
import dev.trellis.client.IndefiniteException;
import dev.trellis.client.Trellis;
import dev.trellis.client.session.Guarantee;
import dev.trellis.client.session.Session;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;

/// Somebody who behaves while others do not: puts and gets of his own keys, by the Java client and
/// over HTTP, each of which must be answered, and rightly.
final class Bystander implements AutoCloseable {
  private static final Duration TIMEOUT = Duration.ofSeconds(30);
  private static final AtomicLong BYSTANDERS = new AtomicLong();

  private final Trellis trellis;
  private final HttpClient http;
  private final String own; // what his keys begin with
  private final String gateway;
  private final String authorization;
  private final List<Thread> threads = new ArrayList<>();
  private final AtomicLong right = new AtomicLong();
  private final AtomicLong slowestNanos = new AtomicLong();
  private final Queue<String> wrong = new ConcurrentLinkedQueue<>();
  private volatile boolean stopping; // written by the test, read by the threads

  /// @param http without a timeout
  /// @param gateway its URI
  /// @param authorization what to say there; empty for nothing
  Bystander(ClientConfig config, HttpClient.Builder http, String gateway, String authorization) {
    this.trellis = Trellis.connect(config.withTimeout(TIMEOUT));
    this.http = http.connectTimeout(TIMEOUT).build();
    this.own = "bystander-" + BYSTANDERS.incrementAndGet();
    this.gateway = gateway + "/v1/keys/" + own + "%2F";
    this.authorization = authorization;
    threads.add(Thread.ofPlatform().start(() -> go(0)));
    threads.add(Thread.ofPlatform().start(() -> go(1)));
  }

  private void go(int number) {
    long round = 0;
    while (!stopping) {
      round++;
      String value = number + "-" + round;
      long begun = System.nanoTime();
      try {
        String read = number == 0 ? overFrames(value, round) : overHttp(value, round);
        if (read.equals(value)) {
          right.incrementAndGet();
        } else {
          wrong.add("wrote " + value + ", read " + read);
        }
      } catch (RuntimeException | IOException e) {
        wrong.add(value + ": " + e);
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
      slowestNanos.accumulateAndGet(System.nanoTime() - begun, Math::max);
    }
  }

  private String overFrames(String value, long round) {
    Session session = trellis.session(Guarantee.READ_YOUR_WRITES);
    String key = own + "/f" + round % 16;
    try {
      session.register(key).putText(value);
    } catch (IndefiniteException.NotEnoughReplicas e) {
      if (!e.isKept()) {
        throw e;
      } // else a slow machine: it is kept, and is to be read
    }
    return session.register(key).getText().orElse("nothing");
  }

  private String overHttp(String value, long round) throws IOException, InterruptedException {
    URI uri = URI.create(gateway + "h" + round % 16);
    HttpResponse<String> put =
        http.send(
            request(uri)
                .header("Trellis-Session", "begin=read-your-writes")
                .PUT(BodyPublishers.ofString(value))
                .build(),
            BodyHandlers.ofString());
    if (put.statusCode() >= 300) {
      return put.statusCode() + " " + put.body();
    }
    HttpResponse<String> get =
        http.send(
            request(uri)
                .header("Trellis-Session", put.headers().firstValue("Trellis-Session").orElse(""))
                .build(),
            BodyHandlers.ofString());
    return get.body();
  }

  private HttpRequest.Builder request(URI uri) {
    HttpRequest.Builder request = HttpRequest.newBuilder(uri).timeout(TIMEOUT);
    return authorization.isEmpty() ? request : request.header("Authorization", authorization);
  }

  /// How many rounds have ended rightly.
  long right() {
    return right.get();
  }

  /// What was not as it should be.
  List<String> wrong() {
    return List.copyOf(wrong);
  }

  Trellis client() {
    return trellis;
  }

  @Override
  public void close() {
    stopping = true;
    try {
      for (Thread thread : threads) {
        thread.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    trellis.close();
    http.close();
  }

  @Override
  public String toString() {
    return right
        + " rounds of a bystander, the slowest of "
        + slowestNanos.get() / 1_000_000
        + " ms; wrong: "
        + wrong;
  }
}
