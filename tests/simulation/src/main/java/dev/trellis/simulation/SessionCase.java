package dev.trellis.simulation;

/// What is hard for sessions: a suite in which one of these never happened has shown little.
enum SessionCase {
  HANDOVER("handed over to another client"),
  HANDOVER_AFTER_LOSS("handed over after a node was lost"),
  SHORT_TOKEN("tokens that left something out"),
  FULL_TOKEN("tokens too short for what waits or is depended on"),
  LAGGING_REPLICA("asked a replica that lacked what the session wrote or read"),
  DEMAND("demanded how new an answer is"),
  UNAVAILABLE("refused as SESSION_UNAVAILABLE"),
  UNKNOWN("writes of unknown outcome"),
  FEW_COPIES("writes with fewer copies than asked for"),
  RESIZED("nodes joined or left during a session"),
  CRASHED("nodes died during a session"),
  CUT_OFF("partitions during a session"),
  SUSPECTED("nodes falsely suspected during a session"),
  GENERATION("wrote again what the session had deleted"),
  REMOVAL("removals of what the session had added or read"),
  CUT_LOST("tokens too short for what was read since the commit"),
  COMMIT("commits of several keys"),
  COMMIT_REPEATED("commits repeated after a refusal"),
  COMMIT_IN_PART("commits carried out in part, or of unknown outcome"),
  ABORT("transactions aborted"),
  RECORD("parts of a commit taken from its record"),
  CAUSE("causes fetched before a value was shown"),
  LOST("what only nodes had that are gone was missed or forgotten");

  private final String text;

  SessionCase(String text) {
    this.text = text;
  }

  @Override
  public String toString() {
    return text;
  }
}
