package dev.trellis.simulation;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.TrellisException;
import dev.trellis.client.session.Guarantee;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/// Reads and writes several registers, and then commits or aborts.
final class TransactionUser extends SessionUser {
  private static final int KEYS = 6;
  private static final int ATTEMPTS_MAX = 3;

  /// One read, or the write of a value.
  private record Part(Payload key, Optional<Long> value) {
    List<?> asked() {
      return value.isPresent()
          ? SessionHistory.write(key.text(), value.get())
          : SessionHistory.read(key.text(), null);
    }
  }

  private List<Part> parts = List.of();
  private final List<List<?>> done = new ArrayList<>();
  private final Map<Payload, Long> writers = new LinkedHashMap<>(); // the client that wrote a key
  private SessionHistory.Asked call;
  private int attempts;
  private long mutationsBefore;
  private boolean isUnknown; // nobody knows what of it was carried out

  @SuppressWarnings("NullAway.Init") // there is a call from the first step on
  TransactionUser(int number, int steps, Surroundings around) {
    super(number, steps, around);
  }

  @Override
  void step() {
    List<Part> drawn = new ArrayList<>();
    int count = random.nextInt(3, 8);
    for (int i = 0; i < count; i++) {
      boolean again = !drawn.isEmpty() && random.nextInt(4) == 0;
      Payload key = again ? pick(drawn).key : Payload.ofText("k" + random.nextInt(KEYS));
      drawn.add(new Part(key, random.nextInt(5) < 2 ? Optional.of(newValue()) : Optional.empty()));
    }
    parts = List.copyOf(drawn);
    done.clear();
    writers.clear();
    stamps.clear();
    attempts = 0;
    isUnknown = false;
    restamped = false;
    mutationsBefore = mutationsBegun;
    call = history.invoke("txn", process, name, "txn", parts.stream().map(Part::asked).toList());
    goOn();
  }

  private void goOn() {
    maybeHandOver();
    if (done.size() == parts.size()) {
      if (level.isBuffering() && random.nextInt(6) == 0) {
        tally.count(SessionCase.ABORT);
        abort(true);
      } else {
        commit();
      }
      return;
    }
    Part part = parts.get(done.size());
    if (part.value.isPresent()) {
      writers.put(part.key, client.clientId());
      ask(
          part.key,
          new Mutation.Put(Payload.ofText(Long.toString(part.value.get()))),
          options(),
          (reply, failure) -> {
            if (failure == null) {
              done.add(part.asked());
              later(this::goOn);
            } else {
              isUnknown |= endingOfWrite(failure) == Ending.UNKNOWN;
              abort(false);
            }
          });
    } else {
      ask(
          part.key,
          new Read.State(),
          options(),
          (reply, failure) -> {
            if (failure == null) {
              Entry shown = entryOf(Objects.requireNonNull(reply));
              Optional<Long> value =
                  shown
                      .value(Kind.LWW)
                      .flatMap(known -> ((LwwRegister) known).payload())
                      .map(payload -> Long.valueOf(payload.text()));
              done.add(SessionHistory.read(part.key.text(), value.orElse(null)));
              later(this::goOn);
            } else {
              abort(false);
            }
          });
    }
  }

  /// @param told whether it was so decided, and not forced by a failure
  private void abort(boolean told) {
    if (told && around.defect() == SessionDefect.ABORTS_COMMIT) {
      whenOver(session.commitAsync(), (receipt, failure) -> aborted(Ending.FAILED));
      return;
    }
    session.abort();
    // What waits for the commit is nowhere else; of what was written at once, something was.
    boolean written = !level.isBuffering() && mutationsBegun > mutationsBefore;
    aborted(isUnknown || written ? Ending.UNKNOWN : Ending.FAILED);
  }

  private void aborted(Ending ending) {
    failed(call, ending);
    later(this::next);
  }

  private void commit() {
    boolean several = writers.size() > 1;
    if (level.isBuffering()) {
      writers.replaceAll((key, before) -> client.clientId());
    }
    attempts++;
    whenOver(
        session.commitAsync(),
        (receipt, failure) -> {
          if (failure == null) {
            tally.count(SessionCase.COMMIT, several ? 1 : 0);
            committed();
          } else {
            commitFailed(failure);
          }
        });
  }

  private void committed() {
    if (isUnknown || restamped) {
      // Two commits of it may be there, of which nobody can tell the versions.
      failed(call, Ending.UNKNOWN);
    } else {
      Map<String, Object> versions = new LinkedHashMap<>();
      writers.forEach(
          (key, writer) -> {
            HybridTimestamp stamp = stamps.get(key);
            if (stamp == null) {
              cluster.violated(name + " has committed, and its write of " + key + " was not sent");
            } else {
              versions.put(key.text(), version(stamp.packed(), writer));
            }
          });
      call.ok(List.copyOf(done), "versions", versions);
    }
    later(this::next);
  }

  private void commitFailed(TrellisException failure) {
    boolean inPart =
        endingOfWrite(failure) == Ending.UNKNOWN
            || (!level.has(Guarantee.READ_ATOMIC) && mutationsBegun > mutationsBefore);
    if (inPart) {
      tally.count(SessionCase.COMMIT_IN_PART);
      isUnknown = true;
    }
    if (attempts < ATTEMPTS_MAX && random.nextInt(3) != 0) {
      tally.count(SessionCase.COMMIT_REPEATED);
      later(
          () -> {
            maybeHandOver();
            commit();
          });
    } else {
      abort(false);
    }
  }
}
