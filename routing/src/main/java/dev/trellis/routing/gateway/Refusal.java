package dev.trellis.routing.gateway;

/// Ends the reading of a request that cannot be carried out. Thrown before anything was asked of
/// the store, so nothing has happened.
final class Refusal extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient Problem problem;

  Refusal(Problem problem) {
    // Callers answer with the problem; where it arose is of no interest and costs time.
    super(problem.detail(), null, false, false);
    this.problem = problem;
  }

  Refusal(ProblemType type, String detail) {
    this(Problem.of(type, detail));
  }

  static Refusal badRequest(String detail) {
    return new Refusal(ProblemType.BAD_REQUEST, detail);
  }

  Problem problem() {
    return problem;
  }
}
