package dev.trellis.casestudy;

import dev.trellis.client.CallOptions;
import dev.trellis.client.Trellis;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import java.util.Locale;

/// A put by one function, then a get by another.
final class KeyRoundTrip implements RoundTrip {
  private final Trellis writer;
  private final Trellis reader;
  private final Acknowledgement level;
  private final Payload key;
  private final Payload value;

  KeyRoundTrip(Trellis writer, Trellis reader, int bytes, Acknowledgement level) {
    this.writer = writer;
    this.reader = reader;
    this.level = level;
    this.key = Payload.ofText("casestudy:latency:" + level.name().toLowerCase(Locale.ROOT));
    this.value = Payload.of(new byte[bytes]);
  }

  @Override
  public String name() {
    return "put and get, ack=" + level.name().toLowerCase(Locale.ROOT);
  }

  @Override
  public void run() {
    var _ =
        Trellis.await(
            writer.execute(
                key, new Mutation.Put(value), CallOptions.DEFAULT.withAcknowledgement(level)));
    var _ = Trellis.await(reader.execute(key, Read.Get.ANY, CallOptions.DEFAULT));
  }

  @Override
  public void close() {
    // The clients are others'.
  }
}
