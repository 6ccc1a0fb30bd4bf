package dev.trellis.deploy;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/// Whether no range of keys is short of copies, as far as the nodes' own words tell: whoever is a
/// member in full has all that it shall hold, every member answers, and there are enough of them.
/// While that is so, as many nodes may be lost at once as are to be tolerated.
///
/// @param copies distinct nodes that hold each key once it is whole
/// @param shortages why it is not whole, a phrase each; empty if it is
record Wholeness(int copies, List<String> shortages) {
  Wholeness {
    shortages = List.copyOf(shortages);
  }

  boolean isWhole() {
    return shortages.isEmpty();
  }

  /// Judges by the answers of all nodes that answer.
  static Wholeness of(Collection<NodeAnswer> answers) {
    if (answers.isEmpty()) {
      return new Wholeness(0, List.of("no node answers"));
    }
    SortedMap<String, NodeAnswer> byId = new TreeMap<>();
    answers.forEach(answer -> byId.put(answer.id(), answer));
    SortedMap<String, NodeAnswer.Member> members = members(answers);
    SortedSet<String> absent = new TreeSet<>();
    answers.forEach(answer -> absent.addAll(answer.absent()));
    absent.removeAll(members.keySet());
    List<String> shortages = new ArrayList<>();
    for (NodeAnswer.Member member : members.values()) {
      NodeAnswer answer = byId.get(member.id());
      if (isSuspected(member.id(), answers)) {
        shortages.add(member.id() + " is suspected: it does not answer other nodes");
      } else if (answer == null) {
        shortages.add(member.id() + " does not tell how it is");
      } else if (!member.isJoining() && answer.incomplete() > 0) {
        shortages.add(lacks(answer));
      }
    }
    if (answers.stream().mapToLong(NodeAnswer::version).distinct().count() > 1
        || !answers.stream().allMatch(NodeAnswer::isUpToDate)) {
      shortages.add("the news of who is there has not reached all nodes yet");
    }
    int tolerated = answers.stream().mapToInt(NodeAnswer::faultTolerance).max().orElse(0);
    // Who is absent is waited for as long as there are not enough others to do without.
    int copies = Math.min(tolerated + 1, members.size() + absent.size());
    long full = members.values().stream().filter(member -> !member.isJoining()).count();
    if (full < copies) {
      shortages.add(
          String.format(
              Locale.ROOT,
              "each key has %d of %d copies%s",
              full,
              copies,
              absent.isEmpty() ? "" : ", since " + String.join(", ", absent) + " is absent"));
    }
    return new Wholeness(copies, shortages);
  }

  private static String lacks(NodeAnswer answer) {
    return String.format(
        Locale.ROOT,
        "%s has yet to fetch or compare %,d of its %,d partitions",
        answer.id(),
        answer.incomplete(),
        answer.held());
  }

  private static boolean isSuspected(String id, Collection<NodeAnswer> answers) {
    return answers.stream()
        .flatMap(answer -> answer.member(id).stream())
        .anyMatch(NodeAnswer.Member::suspected);
  }

  /// All members that anybody knows, by id.
  private static SortedMap<String, NodeAnswer.Member> members(Collection<NodeAnswer> answers) {
    SortedMap<String, NodeAnswer.Member> members = new TreeMap<>();
    answers.stream()
        .flatMap(answer -> answer.members().stream())
        .forEach(member -> members.putIfAbsent(member.id(), member));
    return members;
  }
}
