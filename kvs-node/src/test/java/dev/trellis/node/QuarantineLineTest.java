package dev.trellis.node;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.ReplicaId;
import dev.trellis.lattice.CausalRegister;
import dev.trellis.lattice.Counter;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Expiry;
import dev.trellis.lattice.Flag;
import dev.trellis.lattice.LatticeMap;
import dev.trellis.lattice.Log;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.MaxRegister;
import dev.trellis.lattice.ObservedRemoveSet;
import dev.trellis.lattice.OpaqueValue;
import dev.trellis.lattice.Payload;
import dev.trellis.lattice.PriorityRegister;
import dev.trellis.lattice.SortedSet;
import dev.trellis.lattice.Value;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/// The lines are those that `docs/commands.md` tells of imports.
class QuarantineLineTest {
  private static final ReplicaId A = new ReplicaId(1, 0);
  private static final HybridTimestamp T = HybridTimestamp.ofMillis(5);
  private static final Payload BINARY = Payload.of(new byte[] {(byte) 0xff});

  private static Payload text(String text) {
    return Payload.ofText(text);
  }

  private static void assertLine(String line, Value<?> value) {
    assertLine(line, Entry.of(T, value));
  }

  private static void assertLine(String line, Entry entry) {
    assertEquals(List.of(line), QuarantineLine.of(text("k"), entry, 10));
  }

  @Test
  void everyKindIsALine() {
    assertLine(
        "{\"key\": \"k\", \"kind\": \"lww\", \"value\": \"a \\\"b\\\" \\\\ \\u000a ü\","
            + " \"expiresAtMillis\": 99}",
        LwwRegister.of(T, 1, 99, text("a \"b\" \\ \n ü")));
    assertLine(
        "{\"key\": \"k\", \"kind\": \"lww\", \"value\": {\"base64\": \"/w==\"}}",
        LwwRegister.of(T, 1, 0, BINARY));
    assertLine("{\"key\": \"k\", \"kind\": \"max\", \"value\": -3}", new MaxRegister(-3));
    assertLine("{\"key\": \"k\", \"kind\": \"flag\", \"value\": true}", new Flag(true));
    assertLine(
        "{\"key\": \"k\", \"kind\": \"counter\", \"value\": 4, \"expiresAtMillis\": 77}",
        Entry.of(T, Counter.ZERO.increment(A, 4)).withExpiry(new Expiry(T, 1, 77)));
    ObservedRemoveSet set = ObservedRemoveSet.EMPTY.add(A, List.of(text("b"), text("a"), BINARY));
    assertLine(
        "{\"key\": \"k\", \"kind\": \"orset\", \"value\": [\"a\", {\"base64\": \"/w==\"}]}",
        set.merge(set.remove(List.of(text("b")))));
    assertLine(
        "{\"key\": \"k\", \"kind\": \"sortedset\", \"value\": [{\"member\": \"y\", \"score\":"
            + " \"-Infinity\"}, {\"member\": \"x\", \"score\": 1.5}]}",
        SortedSet.of(
            Map.of(
                text("x"), new SortedSet.Score(T, 1, OptionalDouble.of(1.5)),
                text("y"), new SortedSet.Score(T, 1, OptionalDouble.of(Double.NEGATIVE_INFINITY)),
                text("z"), new SortedSet.Score(T, 1, OptionalDouble.empty()))));
    assertLine(
        "{\"key\": \"k\", \"kind\": \"priority\", \"value\": {\"priority\": 1.0, \"value\":"
            + " \"v\"}}",
        new PriorityRegister(1, text("v")));
    assertLine(
        "{\"key\": \"k\", \"kind\": \"log\", \"value\": {\"records\": [{\"value\": \"r1\"},"
            + " {\"value\": \"r2\"}]}}",
        Log.EMPTY.append(A, T, List.of(text("r1"), text("r2"))));
    TreeMap<Payload, CausalContext> none = new TreeMap<>();
    assertLine(
        "{\"key\": \"k\", \"kind\": \"causal\", \"value\": {\"siblings\": [{\"value\": \"s\","
            + " \"expiresAtMillis\": 88}]}}",
        CausalRegister.of(
            Map.of(
                new Dot(A, 1), new CausalRegister.Sibling(text("s"), 88, none),
                new Dot(A, 2), new CausalRegister.Sibling(text("over"), 9, none)),
            CausalContext.EMPTY));
    assertLine(
        "{\"key\": \"k\", \"kind\": \"map\", \"value\": {\"f\": {\"kind\": \"max\", \"value\": 1}},"
            + " \"binaryFields\": [{\"field\": {\"base64\": \"/w==\"}, \"kind\": \"flag\","
            + " \"value\": true}]}",
        LatticeMap.of(
            Map.of(
                text("f"),
                Entry.of(T, new MaxRegister(1)),
                text("gone"),
                Entry.empty(T),
                BINARY,
                Entry.of(T, new Flag(true)))));
  }

  @Test
  void whatCannotBeSeenOrToldIsNoLine() {
    assertEquals(List.of(), QuarantineLine.of(text("k"), Entry.empty(T), 10));
    assertEquals(
        List.of(),
        QuarantineLine.of(text("k"), Entry.of(T, LwwRegister.of(T, 1, 9, text("over"))), 10));
    assertEquals(
        List.of(),
        QuarantineLine.of(text("k"), Entry.of(T, OpaqueValue.of(99, List.of(text("?")))), 10));
    Entry two = Entry.of(T, new MaxRegister(1)).with(new Flag(true));
    assertEquals(2, QuarantineLine.of(text("k"), two, 10).size());
  }
}
