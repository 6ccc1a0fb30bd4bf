package dev.trellis.casestudy;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// How long others took for one step of a case study, on Lambda and on a machine of their own.
///
/// @param fetchMillis of this, what it took to get at the data; empty if they do not tell
/// @see "Hellerstein et al., Serverless Computing: One Step Forward, Two Steps Back, CIDR 2019,
///   §3.1"
record PublishedTime(String setup, double millis, Optional<Double> fetchMillis) {
  static final String SOURCE = "Hellerstein et al., CIDR 2019, section 3.1";

  /// One iteration of training a model, on a batch of 100 MB. The last one is what the others are
  /// held against.
  static final List<PublishedTime> TRAINING =
      List.of(
          new PublishedTime("Lambda, batches in S3", 3_080, Optional.of(2_490.0)),
          new PublishedTime("m4.large, local volume", 140, Optional.of(40.0)));

  /// One batch of ten documents. The last one is what the others are held against.
  static final List<PublishedTime> SERVING =
      List.of(
          new PublishedTime("Lambda, model and results in S3", 559, Optional.empty()),
          new PublishedTime("Lambda, model compiled in, SQS", 447, Optional.empty()),
          new PublishedTime("EC2, SQS", 13, Optional.empty()),
          new PublishedTime("EC2, 0MQ", 2.8, Optional.empty()));

  /// How many times as long it took as the last one did.
  static double ratio(List<PublishedTime> all, PublishedTime one) {
    return one.millis / all.getLast().millis;
  }

  Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("setup", setup);
    json.put("millis", millis);
    fetchMillis.ifPresent(fetch -> json.put("fetchMillis", fetch));
    return json;
  }
}
