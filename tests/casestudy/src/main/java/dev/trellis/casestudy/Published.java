package dev.trellis.casestudy;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Anomalies that others counted in 10,000 transactions of two functions.
///
/// @param ownReads read-your-writes anomalies
/// @param fracturedReads fractured reads
/// @see "Sreekanti's PhD thesis, UC Berkeley, table 3.2"
record Published(String store, long ownReads, long fracturedReads) {
  static final String SOURCE = "Sreekanti's thesis, table 3.2";
  static final long TRANSACTIONS = 10_000;

  static final List<Published> ALL =
      List.of(
          new Published("S3", 595, 836),
          new Published("DynamoDB", 537, 779),
          new Published("Redis", 215, 383),
          new Published("Cloudburst on Anna, lww", 911, 3_628),
          new Published("AFT, a shim", 0, 0));

  Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("store", store);
    json.put("readYourWrites", ownReads);
    json.put("fracturedReads", fracturedReads);
    return json;
  }
}
