package dev.trellis.casestudy;

import java.util.OptionalLong;

/// One process of the bully algorithm: of those that live, the one with the highest number is to
/// lead. Pure: messages and time come in, messages go to [Mail].
///
/// Who suspects the leader asks all with higher numbers. Whoever lives answers, and asks those
/// above him in turn. Who gets no answer in time leads and tells all below. Elections have terms,
/// so that what is late belongs to one that is over.
///
/// @see "Garcia-Molina, Elections in a Distributed Computing System, IEEE ToC C-31(1), 1982, §III"
final class BullyCore {
  /// How those above are asked.
  enum Variant {
    /// As published: whoever is asked asks on. Up to n² messages.
    BULLY,
    /// Who suspects the leader collects the answers and names the highest: up to 3 n messages.
    APPOINTED
  }

  enum Kind {
    ELECTION,
    ANSWER,
    /// You are the highest that answered.
    APPOINTMENT,
    COORDINATOR
  }

  /// What one process tells another.
  record Message(Kind kind, int from, long term) {}

  /// Where messages go.
  interface Mail {
    void send(int to, Message message);
  }

  private enum Phase {
    FOLLOWING,
    /// Has asked those above.
    ASKING,
    /// Somebody above lives, and is to tell.
    WAITING,
    /// Follows somebody below, and will say so if nobody above does before.
    OBJECTING,
    LEADING
  }

  private static final int WAITS_FOR_COORDINATOR = 4; // as long as for an answer

  private final int self;
  private final int processes;
  private final Variant variant;
  private final long answerMillis;
  private final Mail mail;
  private Phase phase = Phase.FOLLOWING;
  private int leader;
  private long term;
  private int highestAnswer;
  private long deadline = Long.MAX_VALUE;

  /// @param self its number, 1 to `processes`
  /// @param answerMillis how long it waits for an answer
  BullyCore(int self, int processes, Variant variant, long answerMillis, Mail mail) {
    this.self = self;
    this.processes = processes;
    this.variant = variant;
    this.answerMillis = answerMillis;
    this.mail = mail;
    this.leader = processes;
  }

  int leader() {
    return leader;
  }

  long term() {
    return term;
  }

  boolean isElecting() {
    return phase == Phase.ASKING || phase == Phase.WAITING;
  }

  /// When it wants to be told the time.
  OptionalLong deadline() {
    return deadline == Long.MAX_VALUE ? OptionalLong.empty() : OptionalLong.of(deadline);
  }

  /// The leader is silent, or this process was away and is back.
  void suspect(long now) {
    if (!isElecting()) {
      elect(now);
    }
  }

  private void elect(long now) {
    if (self == processes) {
      lead();
      return;
    }
    phase = Phase.ASKING;
    highestAnswer = 0;
    deadline = now + answerMillis;
    for (int above = self + 1; above <= processes; above++) {
      mail.send(above, new Message(Kind.ELECTION, self, term + 1));
    }
  }

  private void lead() {
    phase = Phase.LEADING;
    leader = self;
    term++;
    deadline = Long.MAX_VALUE;
    for (int other = 1; other < self; other++) {
      mail.send(other, new Message(Kind.COORDINATOR, self, term));
    }
  }

  void receive(Message message, long now) {
    switch (message.kind()) {
      case ELECTION -> asked(message, now);
      case ANSWER -> answered(message, now);
      case APPOINTMENT -> {
        if (message.term() > term) {
          lead();
        } else if (phase == Phase.LEADING) {
          mail.send(message.from(), new Message(Kind.COORDINATOR, self, term));
        }
      }
      case COORDINATOR -> {
        if (message.term() > term || (message.term() == term && message.from() > leader)) {
          follow(message, now);
        } else if (message.from() > leader) {
          // He was away for so long that he does not know the term.
          mail.send(message.from(), new Message(Kind.COORDINATOR, leader, term));
        }
      }
    }
  }

  private void follow(Message message, long now) {
    term = message.term();
    leader = message.from();
    phase = Phase.FOLLOWING;
    deadline = Long.MAX_VALUE;
    if (message.from() < self) {
      object(now); // who is higher bullies
    }
  }

  /// Among many, all above the wrong leader would ask all above them at once; so the highest goes
  /// first, and the others hear of it.
  private void object(long now) {
    if (variant == Variant.BULLY) {
      elect(now);
    } else {
      phase = Phase.OBJECTING;
      deadline = now + turn();
    }
  }

  /// So long that the one above has waited for answers and told its success.
  private long turn() {
    return (processes - self) * answerMillis * 3 / 2;
  }

  private void asked(Message message, long now) {
    if (message.term() <= term) {
      // Of an election that is over; who asks has not heard of its end yet, or never will.
      if (phase == Phase.LEADING) {
        mail.send(message.from(), new Message(Kind.COORDINATOR, self, term));
      }
      return;
    }
    mail.send(message.from(), new Message(Kind.ANSWER, self, message.term()));
    if (variant == Variant.APPOINTED) {
      if (!isElecting()) {
        phase = Phase.WAITING;
        deadline = now + WAITS_FOR_COORDINATOR * answerMillis + turn();
      }
    } else {
      suspect(now);
    }
  }

  private void answered(Message message, long now) {
    if (message.term() != term + 1 || !isElecting()) {
      return;
    }
    highestAnswer = Math.max(highestAnswer, message.from());
    if (variant == Variant.APPOINTED) {
      // Higher than the leader that is silent nobody is, so the next below need not be waited for.
      if (phase == Phase.ASKING && highestAnswer >= leader - 1) {
        appoint(now);
      }
    } else if (phase == Phase.ASKING) {
      phase = Phase.WAITING;
      deadline = now + WAITS_FOR_COORDINATOR * answerMillis;
    }
  }

  private void appoint(long now) {
    mail.send(highestAnswer, new Message(Kind.APPOINTMENT, self, term + 1));
    phase = Phase.WAITING;
    deadline = now + WAITS_FOR_COORDINATOR * answerMillis;
  }

  /// Time has passed.
  void tick(long now) {
    if (now < deadline) {
      return;
    }
    switch (phase) {
      case ASKING -> {
        if (highestAnswer > 0) {
          appoint(now);
        } else {
          lead();
        }
      }
      case WAITING, OBJECTING -> elect(now);
      case FOLLOWING, LEADING -> deadline = Long.MAX_VALUE;
    }
  }

  /// Messages that one election takes if all get through, of processes of which the highest is
  /// gone.
  ///
  /// @param first who suspects it
  static long messages(Variant variant, int processes, int first) {
    long asking = (long) processes - first;
    long toTheRest = processes - 2L;
    return switch (variant) {
      // Each of them asks all above, those that live answer.
      case BULLY -> asking * (asking + 1) / 2 + (asking - 1) * asking / 2 + toTheRest;
      case APPOINTED -> asking + (asking - 1) + (asking > 1 ? 1 : 0) + toTheRest;
    };
  }
}
