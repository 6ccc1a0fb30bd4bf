package dev.trellis.functions.agent;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.Tag;
import dev.trellis.functions.Functions;
import dev.trellis.functions.Invocation;
import dev.trellis.lattice.Payload;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Has an agent handle messages, and notes what it wants done. Nothing of that is done here, but
/// what the agent itself does through invocations.
final class Step {
  /// Timers whose name begins with this wait for replies. Names of the agent's own begin with `t`.
  private static final String REPLY_PREFIX = "r";

  private static final String TIMER_PREFIX = "t";

  private static final int TRIES = 3;

  private static final int TIMER_BYTES = 60; // in an entry, about

  /// A birth that is longer ago is no use: its tags are refused soon.
  static final Duration BIRTH_AGE_MAX = Duration.ofMinutes(45);

  /// So much before what they come from names are born, as nodes whose clocks are behind refuse
  /// what is to be born yet.
  static final Duration BIRTH_EARLY = Duration.ofMinutes(1);

  private final AgentName name;
  private final Agent agent;
  private final AgentEntry before;
  private final long nowMillis;
  private final Bounds bounds;
  private final Function<InvocationId, Invocation> invocations;
  private final List<Dot> consumed = new ArrayList<>();
  private final List<Outgoing> sent = new ArrayList<>();
  private final SortedMap<String, Timer> timers;
  private long timersSet;
  private final List<Failure> failures = new ArrayList<>();
  private Payload state;
  private long sentBytes; // of the outbox, with what was there before
  private boolean begun; // something was handled

  /// A message that could not be handled.
  record Failure(Message message, Throwable reason) {}

  Step(
      AgentName name,
      Agent agent,
      AgentEntry before,
      long nowMillis,
      Bounds bounds,
      Function<InvocationId, Invocation> invocations) {
    this.name = name;
    this.agent = agent;
    this.before = before;
    this.nowMillis = nowMillis;
    this.bounds = bounds;
    this.invocations = invocations;
    this.timers = new TreeMap<>(before.timers());
    this.timersSet = before.timersSet();
    this.state = before.state();
    this.sentBytes = before.outbox().stream().mapToLong(Bounds::weight).sum();
  }

  /// Handles timers that are due, then mail, until what comes of it is as large as a step may be.
  ///
  /// @return whether all of it was handled; the rest is for a step of its own
  boolean handleAll(List<String> due, List<Received> mail) {
    for (String timer : due) {
      if (!fits(() -> fire(timer))) {
        return false;
      }
    }
    for (Received one : mail) {
      if (!fits(() -> deliver(one))) {
        return false;
      }
    }
    return true;
  }

  /// Handles one thing; nothing, if there is no room for what comes of it beside what came of those
  /// before it. The first one always fits, or is put aside.
  private boolean fits(Runnable handling) {
    if (begun && bytes() >= bounds.step()) {
      return false;
    }
    Mark before = new Mark();
    int consumedBefore = consumed.size();
    try {
      handling.run();
    } catch (NoRoom e) {
      before.restore();
      consumed.subList(consumedBefore, consumed.size()).clear();
      return false;
    }
    begun = true;
    return true;
  }

  /// About what the entry will take.
  private long bytes() {
    return state.size() + sentBytes + (long) timers.size() * TIMER_BYTES;
  }

  private void add(Outgoing one) {
    sent.add(one);
    sentBytes += Bounds.weight(one);
  }

  /// Handles what came by mail. What can't be read is put aside as what can't be handled is.
  void deliver(Received mail) {
    String what = mail.dot().toString();
    long born = birthOf(mail.sentMillis());
    consumed.add(mail.dot());
    Envelope envelope;
    try {
      envelope = Envelope.of(mail.body());
    } catch (IllegalArgumentException e) {
      putAside(new Names(what, born), mail.body(), new Message.Told(mail.body()), e);
      return;
    }
    @Nullable Message message =
        switch (envelope.kind()) {
          case TELL -> new Message.Told(envelope.said());
          case ASK -> new Message.Asked(envelope.said());
          case REPLY -> reply(envelope);
        };
    if (message != null) {
      handle(message, envelope, new Names(what, born));
    }
  }

  /// Handles a timer that is due; nothing, if it has been taken back in this step.
  void fire(String timer) {
    @Nullable Timer due = timers.get(timer);
    if (due == null || due.dueMillis() > nowMillis) {
      return;
    }
    timers.remove(timer);
    String rest = timer.substring(1);
    Message message =
        timer.startsWith(TIMER_PREFIX)
            ? new Message.TimerDue(rest)
            : new Message.Unanswered(nameOf(rest));
    handle(
        message,
        Envelope.tell(Payload.EMPTY),
        new Names("timer " + due.number(), birthOf(due.dueMillis())));
  }

  /// The mailbox for what an agent can't handle, or send.
  static String failed(AgentName name) {
    return LogMail.FAILED + name;
  }

  /// The timers that are due, the earliest first.
  static List<String> due(SortedMap<String, Timer> timers, long nowMillis) {
    return timers.entrySet().stream()
        .filter(timer -> timer.getValue().dueMillis() <= nowMillis)
        .sorted(Map.Entry.comparingByValue())
        .map(Map.Entry::getKey)
        .toList();
  }

  StepResult result() {
    return new StepResult(state, CausalContext.ofDots(consumed), sent, timers, timersSet);
  }

  List<Failure> failures() {
    return failures;
  }

  /// The reply to something that is waited for; null if it comes too late, or again.
  private @Nullable Message reply(Envelope envelope) {
    return timers.remove(REPLY_PREFIX + envelope.correlation()) == null
        ? null
        : new Message.Replied(nameOf(envelope.correlation()), envelope.said());
  }

  /// A correlation is the invocation that asks, then the name.
  private static String nameOf(String correlation) {
    return correlation.substring(correlation.indexOf(' ') + 1);
  }

  /// When what comes of something at a time is born.
  static long birth(long millis) {
    return Math.max(0, millis - BIRTH_EARLY.toMillis());
  }

  /// The same for each host that handles a message in time.
  private long birthOf(long millis) {
    return birth(millis < nowMillis - BIRTH_AGE_MAX.toMillis() ? nowMillis : millis);
  }

  private void handle(Message message, Envelope envelope, Names names) {
    Mark before = new Mark();
    for (int attempt = 1; ; attempt++) {
      Context context = new Context(message, envelope, names);
      try {
        agent.handle(message, context);
        if (bytes() > bounds.entry()) {
          if (begun) {
            throw new NoRoom();
          }
          throw new IllegalStateException(
              "agent "
                  + name
                  + " would take "
                  + bytes()
                  + " bytes with what it sends, and may take "
                  + bounds.entry());
        }
        context.commit();
        return;
      } catch (Exception | Error e) {
        context.giveUp();
        if (e instanceof VirtualMachineError fatal && !(e instanceof StackOverflowError)) {
          throw fatal;
        }
        before.restore();
        if (e instanceof NoRoom full) {
          throw full;
        }
        if (e instanceof InterruptedException) {
          Thread.currentThread().interrupt();
          throw new Interrupted(e);
        }
        if (attempt == TRIES) {
          putAside(names, envelope.encode(), message, e);
          return;
        }
      }
    }
  }

  /// The host is closing; the step does not count.
  static final class Interrupted extends RuntimeException {
    private static final long serialVersionUID = 1;

    Interrupted(Throwable cause) {
      super(cause);
    }
  }

  private void putAside(Names names, Payload body, Message message, Throwable reason) {
    names.again();
    Outgoing whole = new Outgoing(failed(name), names.next(), body);
    long room = bounds.entry() - bytes() - Bounds.weight(whole);
    if (room < 0 && begun) {
      throw new NoRoom();
    }
    failures.add(new Failure(message, reason));
    // Beside a state so large that not even this fits, the beginning of it is kept.
    int kept = (int) Math.max(0, body.size() + Math.min(0, room));
    add(
        kept == body.size()
            ? whole
            : new Outgoing(whole.mailbox(), whole.tag(), Payload.of(body.toBytes(), 0, kept)));
  }

  /// What a message leads to has no room beside what those before it led to.
  private static final class NoRoom extends RuntimeException {
    private static final long serialVersionUID = 1;
  }

  /// How far the step was.
  private final class Mark {
    private final Payload state = Step.this.state;
    private final SortedMap<String, Timer> timers = new TreeMap<>(Step.this.timers);
    private final long timersSet = Step.this.timersSet;
    private final int sent = Step.this.sent.size();
    private final long sentBytes = Step.this.sentBytes;

    void restore() {
      Step.this.state = state;
      Step.this.timers.clear();
      Step.this.timers.putAll(timers);
      Step.this.timersSet = timersSet;
      Step.this.sent.subList(sent, Step.this.sent.size()).clear();
      Step.this.sentBytes = sentBytes;
    }
  }

  /// Names what comes of one message. They are not those of its invocation, whose mutations have
  /// numbers of their own.
  private final class Names {
    private final InvocationId ofStore;
    private final InvocationId ofMail;
    private long last;

    Names(String what, long bornMillis) {
      Instant born = Instant.ofEpochMilli(bornMillis);
      this.ofStore = Functions.idOf("agent " + name + " " + what, born);
      this.ofMail = Functions.idOf("agent " + name + " " + what + " sends", born);
    }

    Tag next() {
      return new Tag(ofMail, ++last);
    }

    void again() {
      last = 0;
    }
  }

  private final class Context implements AgentContext {
    private final Message message;
    private final Envelope envelope;
    private final Names names;
    private boolean replied;
    private @Nullable Invocation invocation;

    Context(Message message, Envelope envelope, Names names) {
      this.message = message;
      this.envelope = envelope;
      this.names = names;
      names.again();
    }

    void commit() {
      if (invocation != null) {
        invocation.commit();
        invocation.close();
      }
    }

    void giveUp() {
      if (invocation != null) {
        invocation.close();
      }
    }

    @Override
    public AgentName name() {
      return name;
    }

    @Override
    public FencingToken token() {
      Ownership owner = before.owner();
      return new FencingToken(owner.epoch(), owner.host().toString(), before.sequence() + 1);
    }

    @Override
    public Payload state() {
      return state;
    }

    @Override
    public void setState(Payload next) {
      state = next;
    }

    @Override
    public void tell(AgentName agent, Payload payload) {
      send(agent.mailbox(), Envelope.tell(payload));
    }

    @Override
    public void ask(AgentName agent, Payload payload, String question, Duration timeout) {
      timers
          .keySet()
          .removeIf(each -> each.startsWith(REPLY_PREFIX) && nameOf(each).equals(question));
      String correlation = names.ofMail + "/" + (names.last + 1) + " " + question;
      set(REPLY_PREFIX + correlation, timeout);
      send(agent.mailbox(), Envelope.ask(name.mailbox(), correlation, payload));
    }

    @Override
    public void reply(Payload payload) {
      if (envelope.kind() != Envelope.Kind.ASK || replied) {
        throw new IllegalStateException(
            name
                + ": "
                + (replied ? "there was a reply already to " : "nobody waits for a reply to ")
                + message);
      }
      replied = true;
      send(envelope.replyTo(), Envelope.reply(envelope.correlation(), payload));
    }

    private void send(String mailbox, Envelope said) {
      add(new Outgoing(mailbox, names.next(), said.encode()));
    }

    @Override
    public void timer(String timer, Duration delay) {
      set(TIMER_PREFIX + timer, delay);
    }

    private void set(String timer, Duration delay) {
      long dueMillis = Timer.after(nowMillis, Math.max(0, TimeUnit.MILLISECONDS.convert(delay)));
      timers.put(timer, new Timer(dueMillis, ++timersSet));
    }

    @Override
    public void cancelTimer(String timer) {
      timers.remove(TIMER_PREFIX + timer);
    }

    @Override
    public Invocation invocation() {
      Invocation opened = invocation;
      if (opened == null) {
        opened = invocations.apply(names.ofStore);
        invocation = opened;
      }
      return opened;
    }
  }
}
