package dev.trellis.casestudy;

import java.util.List;
import java.util.Map;

/// What a study has found.
interface StudyReport {
  /// For programs.
  Map<String, Object> toJson();

  /// For people.
  List<String> lines();

  /// What should not be, in words; with any, the command says no.
  default List<String> faults() {
    return List.of();
  }
}
