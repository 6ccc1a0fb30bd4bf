package dev.trellis.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.ReplicaId;
import dev.trellis.lattice.CausalRegister;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Expiry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.LatticeMap;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.MaxRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Mutation.ScoredMember;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JsonLineTest {
  private static final long NOW = 1_000_000;
  private static final Payload KEY = Payload.ofText("k");
  private static final Payload BINARY = Payload.of(new byte[] {(byte) 0xff, 0});
  private static final ReplicaId REPLICA = new ReplicaId(7, 0);

  private static Payload text(String text) {
    return Payload.ofText(text);
  }

  private static JsonLine.Write lasting(Mutation mutation) {
    return new JsonLine.Write(mutation, Optional.empty());
  }

  private static void assertRoundTrip(Kind kind, View view, Mutation... expected) {
    String line = JsonLine.write(KEY, kind, view, Optional.empty(), NOW);
    assertEquals(
        new JsonLine(KEY, List.of(expected).stream().map(JsonLineTest::lasting).toList()),
        JsonLine.parse(line, NOW),
        line);
  }

  @Test
  void everyKindIsReadAsItIsWritten() {
    assertRoundTrip(Kind.LWW, new View.Bytes(text("v"), 0), new Mutation.Put(text("v")));
    assertRoundTrip(Kind.LWW, new View.Bytes(BINARY, 0), new Mutation.Put(BINARY));
    assertRoundTrip(Kind.MAX, new View.Whole(Long.MAX_VALUE), new Mutation.Raise(Long.MAX_VALUE));
    assertRoundTrip(Kind.MIN, new View.Whole(Long.MIN_VALUE), new Mutation.Lower(Long.MIN_VALUE));
    assertRoundTrip(Kind.COUNTER, new View.Whole(-3), new Mutation.Increment(-3));
    assertRoundTrip(Kind.FLAG, new View.Truth(true), new Mutation.Enable());
    for (Kind kind : List.of(Kind.GSET, Kind.OSET, Kind.ORSET)) {
      List<Payload> elements = List.of(text("a"), text(""), BINARY);
      assertRoundTrip(kind, new View.Elements(elements), new Mutation.Add(kind, elements));
    }
    List<ScoredMember> members =
        List.of(
            new ScoredMember(text("low"), Double.NEGATIVE_INFINITY),
            new ScoredMember(text("zero"), -0.0),
            new ScoredMember(BINARY, 1e300));
    assertRoundTrip(Kind.SORTEDSET, new View.Scored(members), new Mutation.AddScored(members));
    assertRoundTrip(
        Kind.PRIORITY,
        new View.Prioritized(2.5, text("v")),
        new Mutation.PutPriority(2.5, text("v")));
    assertRoundTrip(
        Kind.CAUSAL,
        new View.Siblings(
            List.of(new View.Sibling(text("a"), Map.of()), new View.Sibling(BINARY, Map.of())),
            CausalContext.EMPTY),
        new Mutation.PutCausal(text("a"), CausalContext.EMPTY),
        new Mutation.PutCausal(BINARY, CausalContext.EMPTY));
    assertRoundTrip(
        Kind.LOG,
        new View.Records(
            List.of(
                new View.LogRecord(HybridTimestamp.ofMillis(5), new Dot(REPLICA, 1), text("r"))),
            CausalContext.EMPTY),
        new Mutation.Append(List.of(text("r"))));
    assertRoundTrip(Kind.ORSET, new View.Elements(List.of()));
  }

  @Test
  void aMapIsReadFieldByFieldWithNestedMapsAndBinaryNames() {
    SortedMap<Payload, View.Field> inner = new TreeMap<>();
    inner.put(text("n"), new View.Field(Optional.of(Kind.COUNTER), new View.Whole(1)));
    SortedMap<Payload, View.Field> outer = new TreeMap<>();
    outer.put(text("in"), new View.Field(Optional.of(Kind.MAP), new View.Fields(inner)));
    outer.put(BINARY, new View.Field(Optional.of(Kind.LWW), new View.Bytes(text("v"), 0)));
    assertRoundTrip(
        Kind.MAP,
        new View.Fields(outer),
        new Mutation.UpdateField(
            text("in"), new Mutation.UpdateField(text("n"), new Mutation.Increment(1))),
        new Mutation.UpdateField(BINARY, new Mutation.Put(text("v"))));
  }

  @Test
  void theExpiryOfAnLwwIsPartOfItsPut() {
    String line =
        JsonLine.write(KEY, Kind.LWW, new View.Bytes(text("v"), NOW + 500), Optional.empty(), NOW);
    JsonLine.Write put =
        new JsonLine.Write(new Mutation.Put(text("v")), Optional.of(Duration.ofMillis(500)));
    assertEquals(List.of(put), JsonLine.parse(line, NOW).writes());
    assertEquals(List.of(), JsonLine.parse(line, NOW + 500).writes(), "it has expired since");
    assertEquals(
        List.of(put),
        JsonLine.parse(
                "{\"key\":\"k\",\"kind\":\"lww\",\"value\":\"v\",\"ttlMillis\":500}", 7 * NOW)
            .writes());
  }

  @Test
  void theExpiryOfOtherKindsComesFromTheStateAndIsSetByAWriteOfItsOwn() {
    Entry entry =
        Entry.of(HybridTimestamp.ZERO, new MaxRegister(4))
            .withExpiry(new Expiry(HybridTimestamp.ofMillis(NOW), 1, NOW + 100));
    String line = JsonLine.write(KEY, Kind.MAX, new View.Whole(4), Optional.of(entry), NOW);
    assertEquals(
        List.of(lasting(new Mutation.Raise(4)), lasting(new Mutation.Expire(OptionalLong.of(100)))),
        JsonLine.parse(line, NOW).writes());
  }

  @Test
  void fieldsAndSiblingsExpireOneByOne() {
    CausalRegister register =
        CausalRegister.of(
            Map.of(
                new Dot(REPLICA, 1),
                new CausalRegister.Sibling(text("s"), NOW + 30, new TreeMap<>())),
            CausalContext.of(new Dot(REPLICA, 1)));
    LatticeMap map =
        LatticeMap.of(
            Map.of(
                text("c"), Entry.of(HybridTimestamp.ZERO, register),
                text("l"),
                    Entry.of(
                        HybridTimestamp.ZERO,
                        LwwRegister.of(HybridTimestamp.ofMillis(1), 1, NOW + 20, text("v"))),
                text("m"),
                    Entry.of(HybridTimestamp.ZERO, new MaxRegister(4))
                        .withExpiry(new Expiry(HybridTimestamp.ofMillis(1), 1, NOW + 10))));
    SortedMap<Payload, View.Field> fields = new TreeMap<>();
    fields.put(
        text("c"),
        new View.Field(
            Optional.of(Kind.CAUSAL),
            new View.Siblings(List.of(new View.Sibling(text("s"), Map.of())), register.context())));
    fields.put(
        text("l"), new View.Field(Optional.of(Kind.LWW), new View.Bytes(text("v"), NOW + 20)));
    fields.put(text("m"), new View.Field(Optional.of(Kind.MAX), new View.Whole(4)));
    String line =
        JsonLine.write(
            KEY,
            Kind.MAP,
            new View.Fields(fields),
            Optional.of(Entry.of(HybridTimestamp.ZERO, map)),
            NOW);
    assertEquals(
        List.of(
            new JsonLine.Write(
                new Mutation.UpdateField(
                    text("c"), new Mutation.PutCausal(text("s"), CausalContext.EMPTY)),
                Optional.of(Duration.ofMillis(30))),
            new JsonLine.Write(
                new Mutation.UpdateField(text("l"), new Mutation.Put(text("v"))),
                Optional.of(Duration.ofMillis(20))),
            lasting(new Mutation.UpdateField(text("m"), new Mutation.Raise(4))),
            lasting(new Mutation.UpdateField(text("m"), new Mutation.Expire(OptionalLong.of(10))))),
        JsonLine.parse(line, NOW).writes(),
        line);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          []                                   | a line must be a JSON object, not []
          {"key":"k"                           | no valid JSON at column 11: Unexpected end-of-input
          {"kind":"lww","value":""}            | "key" is missing
          {"key":1,"kind":"lww","value":""}    | "key" must be text or {"base64": "…"}, not 1
          {"key":{"base64":"?"},"kind":"lww","value":""} | "key" has malformed base64
          {"key":"k","value":""}               | "kind" is missing, or is no text
          {"key":"k","kind":"set","value":[]}  | unknown kind 'set'; the kinds are lww
          {"key":"k","kind":"lww"}             | "value" is missing, or null
          {"key":"k","kind":"lww","value":7}   | "value" must be text or {"base64": "…"}, not 7
          {"key":"k","kind":"lww","value":"","ttl":7} | unknown member "ttl"; known are key, kind, value
          {"key":"k","kind":"lww","value":"","ttlMillis":0} | "ttlMillis" 0 is outside 1 to
          {"key":"k","kind":"lww","value":"","ttlMillis":"7"} | "ttlMillis" must be a whole number
          {"key":"k","kind":"lww","value":"","ttlMillis":1,"expiresAtMillis":1} | give "ttlMillis" or "expiresAtMillis", not both
          {"key":"k","kind":"counter","value":1.5} | "value" must be a whole number of 64 bits, not 1.5
          {"key":"k","kind":"counter","value":99999999999999999999} | "value" must be a whole number of 64 bits
          {"key":"k","kind":"flag","value":false} | the value of a flag can only be true
          {"key":"k","kind":"orset","value":"a"} | "value" must be a JSON array, not "a"
          {"key":"k","kind":"orset","value":[1]} | an element must be text
          {"key":"k","kind":"sortedset","value":[{"member":"a"}]} | "score" must be a number, not null
          {"key":"k","kind":"sortedset","value":[{"member":"a","score":"NaN"}]} | "score" must be a number, not "NaN"
          {"key":"k","kind":"map","value":{"f":1}} | field "f" must be a JSON object, not 1
          {"key":"k","kind":"map","value":{"f":{"kind":"lww","value":"","x":1}}} | unknown member "x"
          {"key":"k","kind":"lww","value":"","binaryFields":[]} | "binaryFields" belongs to a map, not to a lww
          {"key":"k","kind":"causal","value":"v"} | the value of a causal must be a JSON object, not "v"
          """)
  void whatIsWrongWithALineIsTold(String line, String message) {
    String told =
        assertThrows(IllegalArgumentException.class, () -> JsonLine.parse(line, NOW)).getMessage();
    assertEquals(message, told.substring(0, Math.min(told.length(), message.length())));
  }
}
