package dev.trellis.monitor.statistics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class MetricsTest {
  private static final String PAGE =
      """
      # HELP trellis_requests_total Requests answered.
      # TYPE trellis_requests_total counter
      trellis_requests_total{shard="0",class="read",} 3.0
      trellis_requests_total{shard="0",class="mutation",} 4.0 1700000000000
      trellis_requests_total{shard="1",class="read",} 100.0
      trellis_seconds_bucket{shard="0",class="read",le="0.001",} 2.0
      trellis_seconds_bucket{shard="0",class="read",le="+Inf",} 3.0
      trellis_seconds_bucket{shard="0",class="mutation",le="0.001",} 4.0
      trellis_seconds_bucket{shard="0",class="mutation",le="+Inf",} 4.0
      odd{text="a \\"quoted\\" one, with {braces}"} -Inf
      what is this
      up 1
      """;

  private final Metrics metrics = Metrics.parse(PAGE);

  @Test
  void theSamplesOfOneShardAreAddedUp() {
    assertEquals(7, metrics.sumOfShard("trellis_requests_total", 0));
    assertEquals(100, metrics.sumOfShard("trellis_requests_total", 1));
    assertEquals(0, metrics.sumOfShard("trellis_requests_total", 2));
  }

  @Test
  void aHistogramAddsUpItsClasses() {
    assertEquals(
        Map.of(0.001, 6.0, Double.POSITIVE_INFINITY, 7.0),
        metrics.histogramOfShard("trellis_seconds", 0));
    assertTrue(metrics.histogramOfShard("trellis_seconds", 1).isEmpty());
  }

  @Test
  void linesThatAreNoSamplesArePassedOver() {
    assertEquals(9, metrics.samples().size());
    assertEquals(new Metrics.Sample("up", Map.of(), 1), metrics.samples().getLast());
  }

  @Test
  void labelsMayHoldQuotesAndBraces() {
    Metrics.Sample odd = metrics.samples().get(7);
    assertEquals(List.of("text"), List.copyOf(odd.labels().keySet()));
    assertEquals(Double.NEGATIVE_INFINITY, odd.value());
  }
}
