package dev.trellis.functions.agent;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.ReplicaId;
import dev.trellis.causal.Tag;
import dev.trellis.lattice.Payload;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// How what agents keep and send is written: numbers with the greatest byte first, so that they are
/// ordered as bytes are; texts and payloads behind their length.
final class Bytes {
  private Bytes() {}

  static final class Out {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final DataOutputStream out = new DataOutputStream(bytes);

    @FunctionalInterface
    private interface Write {
      void run() throws IOException;
    }

    private void write(Write write) {
      try {
        write.run();
      } catch (IOException e) {
        throw new UncheckedIOException(e); // an array can't fail
      }
    }

    void number(long number) {
      write(() -> out.writeLong(number));
    }

    void count(int count) {
      write(() -> out.writeInt(count));
    }

    void flag(boolean flag) {
      write(() -> out.writeBoolean(flag));
    }

    void code(int code) {
      write(() -> out.writeByte(code));
    }

    void payload(Payload payload) {
      count(payload.size());
      write(() -> out.write(payload.toBytes()));
    }

    void text(String text) {
      payload(Payload.ofText(text));
    }

    void host(HostId host) {
      number(host.high());
      number(host.low());
    }

    void tag(Tag tag) {
      number(tag.invocation().high());
      number(tag.invocation().low());
      number(tag.number());
    }

    void context(CausalContext context) {
      List<CausalContext.Run> runs = context.runs();
      count(runs.size());
      for (CausalContext.Run run : runs) {
        number(run.replica().incarnation());
        number(run.replica().birth());
        number(run.from());
        number(run.to());
      }
    }

    Payload payload() {
      return Payload.of(bytes.toByteArray());
    }
  }

  /// Fails as [IllegalArgumentException] where the bytes are not what is asked for.
  static final class In {
    private final Payload all;
    private final DataInputStream in;

    In(Payload all) {
      this.all = all;
      this.in = new DataInputStream(new ByteArrayInputStream(all.toBytes()));
    }

    @FunctionalInterface
    private interface Read<T> {
      T run() throws IOException;
    }

    private <T> T read(Read<T> read) {
      try {
        return read.run();
      } catch (IOException e) {
        throw new IllegalArgumentException("not written by an agent host: " + all, e);
      }
    }

    long number() {
      return read(in::readLong);
    }

    int count() {
      int count = read(in::readInt);
      if (count < 0 || count > all.size()) {
        throw new IllegalArgumentException(
            "not written by an agent host, as it counts " + count + ": " + all);
      }
      return count;
    }

    int integer() {
      return read(in::readInt);
    }

    boolean flag() {
      return read(in::readBoolean);
    }

    int code() {
      return read(in::readUnsignedByte);
    }

    Payload payload() {
      byte[] bytes = new byte[count()];
      read(
          () -> {
            in.readFully(bytes);
            return bytes;
          });
      return Payload.of(bytes);
    }

    String text() {
      return new String(payload().toBytes(), StandardCharsets.UTF_8);
    }

    HostId host() {
      long high = number();
      return new HostId(high, number());
    }

    Tag tag() {
      long high = number();
      long low = number();
      return new Tag(new InvocationId(high, low), number());
    }

    CausalContext context() {
      int count = count();
      List<CausalContext.Run> runs = new ArrayList<>(count);
      for (int i = 0; i < count; i++) {
        long incarnation = number();
        long birth = number();
        long from = number();
        runs.add(new CausalContext.Run(new ReplicaId(incarnation, birth), from, number()));
      }
      return CausalContext.ofRuns(runs);
    }
  }
}
