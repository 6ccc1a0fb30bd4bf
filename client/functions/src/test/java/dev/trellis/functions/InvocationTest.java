package dev.trellis.functions;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.Tag;
import dev.trellis.client.CallOptions;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.IndefiniteException;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.client.session.Guarantee;
import dev.trellis.client.session.SessionToken;
import dev.trellis.execution.EntryReader;
import dev.trellis.execution.Refusal;
import dev.trellis.functions.mailbox.InvocationSender;
import dev.trellis.functions.mailbox.Mailboxes;
import dev.trellis.functions.mailbox.SenderOptions;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Log;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import dev.trellis.wire.View;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class InvocationTest {
  private static final long NOW = 1_800_000_000_000L;
  private static final InvocationId ID = Functions.idOf("first", Instant.ofEpochMilli(NOW));
  private static final Payload A = Payload.ofText("a");
  private static final Payload B = Payload.ofText("b");
  private static final String KEY = "k";

  /// A part of what a function does.
  @FunctionalInterface
  interface Step extends Consumer<Invocation> {}

  /// What a function does to a key, by each kind of handle.
  enum Work {
    REGISTER(all -> all.register(KEY).put(A), all -> all.register(KEY).put(B)),
    COUNTER(all -> all.counter(KEY).add(5), all -> all.counter(KEY).add(-2)),
    MAX(all -> all.max(KEY).raise(4), all -> all.max(KEY).raise(3)),
    MIN(all -> all.min(KEY).lower(4), all -> all.min(KEY).lower(5)),
    FLAG(all -> all.flag(KEY).enable(), all -> all.flag(KEY).enable()),
    GROW_SET(all -> all.growSet(KEY).add("a"), all -> all.growSet(KEY).add("b")),
    ORDERED_SET(all -> all.orderedSet(KEY).add("a"), all -> all.orderedSet(KEY).add("b")),
    SET(all -> all.set(KEY).add("a", "b"), all -> all.set(KEY).add("b")),
    SORTED_SET(all -> all.sortedSet(KEY).add("a", 1), all -> all.sortedSet(KEY).add("a", 2)),
    FIELDS(
        all -> all.map(KEY).counter("n").add(5),
        all -> all.map(KEY).log("l").append("a"),
        all -> all.map(KEY).counter("n").add(1)),
    FIELD(
        all -> all.map(KEY).register("r").put(A),
        all -> all.map(KEY).register("r").put(B),
        all -> all.map(KEY).flag("f").enable()),
    CAUSAL(
        all -> all.causal(KEY).put(A, CausalContext.EMPTY),
        all -> all.causal(KEY).put(B, CausalContext.EMPTY)),
    MULTI_CAUSAL(
        all -> all.multiCausal(KEY).put(A, CausalContext.EMPTY, Map.of()),
        all -> all.multiCausal(KEY).put(B, CausalContext.EMPTY, Map.of())),
    PRIORITY(all -> all.priority(KEY).put(2, A), all -> all.priority(KEY).put(1, B)),
    LOG(all -> all.log(KEY).append("a", "b"), all -> all.log(KEY).append("a")),
    MESSAGES(all -> send(all, 0, A), all -> send(all, 1, B), all -> send(all, 2, A));

    @SuppressWarnings("ImmutableEnumChecker") // lambdas without state
    private final List<Step> steps;

    Work(Step... steps) {
      this.steps = List.of(steps);
    }
  }

  /// As an [InvocationSender] does.
  private static void send(Invocation invocation, int position, Payload record) {
    Mutation.Append append = new Mutation.Append(List.of(record), position, 100, 0);
    CallOptions options = CallOptions.DEFAULT.withTag(new Tag(invocation.id(), 1));
    var unused = Trellis.await(invocation.execute(Payload.ofText(KEY), append, options));
  }

  /// What a reader sees; of records and siblings just what there is, as their order is that of the
  /// last run.
  private static Object shown(Entry entry) {
    try {
      return plain(EntryReader.read(entry, Read.Get.ANY, NOW + 10_000, "key"));
    } catch (Refusal e) {
      throw new AssertionError(e);
    }
  }

  private static Object plain(View view) {
    return switch (view) {
      case View.Records records -> records.records().stream().map(r -> r.value()).sorted().toList();
      case View.Siblings all -> all.siblings().stream().map(View.Sibling::value).sorted().toList();
      case View.Fields fields -> {
        Map<Payload, Object> all = new TreeMap<>();
        fields.fields().forEach((name, field) -> all.put(name, plain(field.view())));
        yield all;
      }
      default -> view;
    };
  }

  private static Object once(Work work) {
    ModelStore alone = new ModelStore(1, NOW);
    try (Invocation invocation = new Functions(alone, alone).invocation(ID)) {
      work.steps.forEach(step -> step.accept(invocation));
      SessionToken unused = invocation.commit();
    }
    return shown(alone.all(Payload.ofText(KEY)));
  }

  /// Two runs of one invocation, whose commits come to either of two replicas. That of the first is
  /// cut off after any of its writes, and comes before that of the second, or after it, as that of
  /// a run does that was given up and goes on. Between them the replicas tell each other
  /// everything, or nothing, or the first one has told the second and loses what it had.
  @ParameterizedTest
  @EnumSource
  void whatIsRunTwiceLeavesWhatOneRunLeavesHoweverItIsCutOff(Work work) {
    Object once = once(work);
    for (int cut = 0; cut <= work.steps.size(); cut++) {
      for (int places = 0; places < 4; places++) {
        for (int told = 0; told < 3; told++) {
          for (boolean isLate : new boolean[] {false, true}) {
            ModelStore store = new ModelStore(2, NOW);
            Functions functions = new Functions(store, store);
            Invocation first = functions.invocation(ID);
            Invocation second = functions.invocation(ID);
            work.steps.forEach(step -> step.accept(first));
            work.steps.forEach(step -> step.accept(second));
            for (int commit = 0; commit < 2; commit++) {
              boolean isFirst = commit == 0 ^ isLate;
              store.at = places >> commit & 1;
              store.mutationsLeft = isFirst ? cut : Integer.MAX_VALUE;
              try {
                SessionToken unused = (isFirst ? first : second).commit();
              } catch (TrellisException e) {
                assertTrue(isFirst, e::toString);
              }
              if (commit == 0 && told > 0) {
                store.exchange();
              }
              if (commit == 0 && told > 1) {
                store.restart(0);
              }
            }
            assertEquals(
                once,
                shown(store.all(Payload.ofText(KEY))),
                "cut " + cut + ", at " + places + ", told " + told + ", late " + isLate);
          }
        }
      }
    }
  }

  /// As before, with writes that are sent at once, in every order of the two runs' steps, each at
  /// either replica; those tell each other everything after any one step. Of what the last write
  /// wins, only those orders in which the first run has ended before the second begins.
  @ParameterizedTest
  @EnumSource
  void whatRunsTwiceInAnyOrderOfItsWritesLeavesWhatOneRunLeaves(Work work) {
    Object once = once(work);
    boolean lastWins = Set.of(Work.REGISTER, Work.SORTED_SET, Work.FIELD).contains(work);
    int all = work.steps.size();
    int schedules = 0;
    for (int cut = 0; cut <= all; cut++) {
      for (List<Boolean> order : orders(cut, all)) {
        if (lastWins && order.subList(cut, order.size()).contains(true)) {
          continue;
        }
        for (int places = 0; places < 1 << order.size(); places++) {
          for (int told = 0; told <= order.size(); told++) {
            schedules++;
            ModelStore store = new ModelStore(2, NOW);
            Functions functions = new Functions(store, store);
            Invocation first = functions.invocation(ID, Guarantee.SESSION);
            Invocation second = functions.invocation(ID, Guarantee.SESSION);
            Iterator<Step> ofFirst = work.steps.iterator();
            Iterator<Step> ofSecond = work.steps.iterator();
            for (int step = 0; step < order.size(); step++) {
              store.at = places >> step & 1;
              if (order.get(step)) {
                ofFirst.next().accept(first);
              } else {
                ofSecond.next().accept(second);
              }
              if (step == told) {
                store.exchange();
              }
            }
            assertEquals(
                once,
                shown(store.all(Payload.ofText(KEY))),
                "order " + order + ", at " + Integer.toBinaryString(places) + ", told " + told);
          }
        }
      }
    }
    assertTrue(schedules > 100, "schedules " + schedules);
  }

  /// All ways to go through two lists of steps, true for one of the first.
  private static List<List<Boolean>> orders(int first, int second) {
    if (first == 0 && second == 0) {
      return List.of(List.of());
    }
    List<List<Boolean>> all = new ArrayList<>();
    for (boolean isFirst : new boolean[] {true, false}) {
      if (isFirst ? first > 0 : second > 0) {
        for (List<Boolean> rest : orders(first - (isFirst ? 1 : 0), second - (isFirst ? 0 : 1))) {
          List<Boolean> order = new ArrayList<>(List.of(isFirst));
          order.addAll(rest);
          all.add(order);
        }
      }
    }
    return all;
  }

  @Test
  void aRunThatIsCutOffAnywhereAndRunAgainElsewhereCountsOnce() {
    for (int cut = 0; cut <= 3; cut++) {
      ModelStore store = new ModelStore(2, NOW);
      Functions functions = new Functions(store, store);
      store.mutationsLeft = cut;
      Invocation first = functions.invocation(ID, Guarantee.SESSION);
      Consumer<Invocation> work =
          invocation -> {
            invocation.counter("n").add(1);
            invocation.counter("n").add(10);
            invocation.log("l").append("x");
          };
      if (cut < 3) {
        assertThrows(IndefiniteException.OutcomeUnknown.class, () -> work.accept(first));
      } else {
        work.accept(first);
      }
      store.mutationsLeft = Integer.MAX_VALUE;
      store.at = 1;
      Invocation second = functions.invocation(ID);
      work.accept(second);
      SessionToken unused = second.commit();
      assertEquals(new View.Whole(11), shown(store.all(Payload.ofText("n"))));
      assertEquals(List.of(Payload.ofText("x")), shown(store.all(Payload.ofText("l"))));
    }
  }

  @Test
  void keysAreNumberedApartSoThatTheirOrderDoesNotMatter() {
    ModelStore store = new ModelStore(2, NOW);
    Functions functions = new Functions(store, store);
    Invocation first = functions.invocation(ID);
    first.counter("a").add(1);
    first.counter("b").add(2);
    SessionToken unused = first.commit();
    store.at = 1;
    Invocation second = functions.invocation(ID);
    second.counter("b").add(2);
    second.counter("a").add(1);
    SessionToken unused2 = second.commit();
    assertEquals(new View.Whole(1), shown(store.all(Payload.ofText("a"))));
    assertEquals(new View.Whole(2), shown(store.all(Payload.ofText("b"))));
  }

  private static final String MAILBOX = "m";
  private static final int CAPACITY = 1_024;

  private static long records(ModelStore store) {
    return store
        .all(Mailboxes.key(MAILBOX))
        .value(Kind.LOG)
        .map(log -> ((Log) log).size())
        .orElse(0);
  }

  private static CausalContext dots(ModelStore store) {
    return store
        .all(Mailboxes.key(MAILBOX))
        .value(Kind.LOG)
        .map(log -> ((Log) log).context())
        .orElse(CausalContext.EMPTY);
  }

  private static void drain(ModelStore store) {
    Mutation.Trim all = new Mutation.Trim(dots(store));
    var unused = Trellis.await(store.execute(Mailboxes.key(MAILBOX), all, CallOptions.DEFAULT));
  }

  /// A mailbox that has room for the second message of an invocation, and not for the first.
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aMessageIsNotThereWithoutThoseBeforeIt(boolean committed) {
    ModelStore store = new ModelStore(1, NOW);
    Functions functions = new Functions(store, store);
    SenderOptions options = SenderOptions.DEFAULT.withCapacity(100, CAPACITY);
    Set<Guarantee> guarantees = committed ? Functions.GUARANTEES : Guarantee.SESSION;
    try (Mailboxes mailboxes = Mailboxes.over(store);
        Invocation filling = functions.invocation(functions.newId())) {
      var unused = mailboxes.sender(filling, options).send(MAILBOX, "x".repeat(900));
      SessionToken unused2 = filling.commit();
      int there = store.all(Mailboxes.key(MAILBOX)).hashCode();
      for (int run = 0; run < 2; run++) {
        try (Invocation invocation = functions.invocation(ID, guarantees)) {
          InvocationSender sender = mailboxes.sender(invocation, options);
          var first = sender.send(MAILBOX, "x".repeat(500));
          var second = sender.send(MAILBOX, "y");
          assertEquals(!committed && run == 0, first.isCompletedExceptionally());
          assertEquals(!committed && run == 0, second.isCompletedExceptionally());
          if (run == 0) {
            assertThrows(DefiniteException.Overloaded.class, invocation::commit);
            assertEquals(there, store.all(Mailboxes.key(MAILBOX)).hashCode());
            drain(store);
          } else {
            SessionToken unused3 = invocation.commit();
            assertEquals(2, records(store));
          }
        }
      }
    }
  }

  /// What is too much for one append goes in several; of two runs, either may be cut off after any,
  /// and at no time is a record there without those before it.
  @Test
  void messagesThatAreSentInPartsLeaveNoGapHoweverTheRunIsCutOff() {
    int messages = 7;
    String large = "x".repeat(100 << 10);
    int parts = 4; // of two each
    for (int cut = 0; cut <= parts; cut++) {
      for (int place = 0; place < 2; place++) {
        ModelStore store = new ModelStore(2, NOW);
        Functions functions = new Functions(store, store);
        try (Mailboxes mailboxes = Mailboxes.over(store)) {
          for (int run = 0; run < 2; run++) {
            try (Invocation invocation = functions.invocation(ID)) {
              InvocationSender sender = mailboxes.sender(invocation);
              for (int message = 0; message < messages; message++) {
                var unused = sender.send(MAILBOX, message + large);
              }
              store.at = run * place;
              int allowed = run == 0 ? cut : parts;
              store.mutationsLeft = allowed;
              if (allowed < parts) {
                assertThrows(IndefiniteException.OutcomeUnknown.class, invocation::commit);
              } else {
                SessionToken unused = invocation.commit();
                assertEquals(0, store.mutationsLeft, "appends");
              }
              int kept = Math.min(messages, 2 * Math.max(allowed, cut));
              assertEquals(kept == 0 ? 0 : 1, dots(store).runCount(), "no gap");
              assertEquals(kept, records(store));
            }
          }
        }
      }
    }
  }

  @Test
  void anotherInvocationCountsByItself() {
    ModelStore store = new ModelStore(1, NOW);
    Functions functions = new Functions(store, store);
    for (InvocationId id : List.of(ID, functions.newId())) {
      Invocation invocation = functions.invocation(id);
      invocation.counter("n").add(1);
      SessionToken unused = invocation.commit();
    }
    assertEquals(new View.Whole(2), shown(store.all(Payload.ofText("n"))));
  }

  @Test
  void commitFailsForWhatNobodyHasWaitedFor() {
    ModelStore store = new ModelStore(1, NOW);
    Invocation invocation = new Functions(store, store).invocation(ID, Guarantee.SESSION);
    store.mutationsLeft = 0;
    var unused = invocation.counter("n").addAsync(1);
    TrellisException failure = assertThrows(TrellisException.class, invocation::commit);
    assertTrue(failure.getMessage().contains("cut off"), failure.getMessage());
  }

  @Test
  void closingGivesUpWhatWasNotCommitted() {
    ModelStore store = new ModelStore(1, NOW);
    Functions functions = new Functions(store, store);
    try (Invocation invocation = functions.invocation(ID)) {
      invocation.counter("n").add(1);
    }
    assertEquals(Entry.BOTTOM, store.all(Payload.ofText("n")));
  }

  @Test
  void theTokenCarriesTheSessionToTheNextFunction() {
    ModelStore store = new ModelStore(2, NOW);
    Functions functions = new Functions(store, store);
    Invocation first = functions.invocation(ID);
    first.register("r").putText("written");
    SessionToken token = first.commit();
    store.at = 1; // which has not heard of it
    Invocation next = functions.invocation(functions.newId(), token);
    assertEquals("written", next.register("r").getText().orElseThrow());
  }

  @Test
  void idsOfNamesAreEqualWhereNamesAndTimesAre() {
    Instant born = Instant.ofEpochMilli(NOW);
    assertEquals(Functions.idOf("request 1", born), Functions.idOf("request 1", born));
    assertNotEquals(Functions.idOf("request 1", born), Functions.idOf("request 2", born));
    assertNotEquals(
        Functions.idOf("request 1", born), Functions.idOf("request 1", born.plusMillis(1)));
    assertEquals(NOW, Functions.idOf("request 1", born).bornMillis());
    assertThrows(
        IllegalArgumentException.class, () -> Functions.idOf("old", Instant.ofEpochMilli(-1)));
  }
}
