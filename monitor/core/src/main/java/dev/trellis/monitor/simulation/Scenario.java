package dev.trellis.monitor.simulation;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/// A cluster and what comes upon it. Written so that each fits clusters of any size: the load is a
/// share of what the first nodes can do.
///
/// @param description one line
/// @param settings what differs from `model.conf`
/// @param duration of the whole
/// @param parts into how many parts the keys fall
/// @param inMemory the share of the keys that is in memory at first: the first parts, and of the
///   last of them the most wanted
/// @param failures at which seconds a node of the memory tier dies
public record Scenario(
    String name,
    String description,
    String settings,
    Duration duration,
    int parts,
    double inMemory,
    List<Integer> failures,
    Load.Course course) {
  private static final double MINUTE = 60;

  public Scenario {
    failures = List.copyOf(failures);
  }

  /// All that there are, in the order to show them.
  public static List<Scenario> all() {
    return List.of(
        ofMinutes(
            "steady", "the same load for an hour", 60, (_, config) -> share(config, 0.4, 0.5)),
        ofMinutes(
            "spike",
            "four times the load from minute 10 to 40",
            60,
            (second, config) -> share(config, 0.22, 0.5).times(within(second, 10, 40) ? 4 : 1)),
        ofMinutes(
            "diurnal",
            "a day: little by night, much by day",
            24 * 60,
            (second, config) ->
                share(config, 0.5 - 0.4 * Math.cos(2 * Math.PI * second / 86_400), 0.5)),
        hotSpot(),
        ofMinutes(
            "zipf-shift",
            "the same load on ever fewer keys: zipf 0.5, from minute 10 1.2, from 20 2, from 40 0.5",
            60,
            (second, config) ->
                share(
                    config, 0.3, within(second, 10, 20) ? 1.2 : within(second, 20, 40) ? 2 : 0.5)),
        ofMinutes(
            "oscillation",
            "a load that goes up and down between 10% and 80% every ten minutes, for four hours",
            240,
            (second, config) -> share(config, second % (20 * MINUTE) < 600 ? 0.1 : 0.8, 0.5)),
        new Scenario(
            "failures",
            "a node dies at minutes 10, 20, 30 and 31",
            "",
            Duration.ofMinutes(60),
            1,
            1,
            List.of(600, 1_200, 1_800, 1_860),
            (_, config) -> share(config, 0.4, 0.5)),
        growth(),
        paper(
            "paper-dynamic",
            "skew and volume change: figure 5 of the paper, 32 minutes",
            32,
            second ->
                within(second, 3, 13)
                    ? Load.of(43, 2)
                    : within(second, 13, 28) ? Load.of(172, 0.5) : Load.of(1, 0.5)),
        paper(
            "paper-hot-key",
            "high contention from minute 3: the paper absorbs it in 15 s",
            8,
            second -> second < 3 * MINUTE ? Load.of(1, 0.5) : Load.of(43, 2)),
        paper(
            "paper-new-nodes",
            "four times the load from minute 2: the paper's nodes join 5 minutes later and take half"
                + " a minute to get their data",
            15,
            second -> second < 2 * MINUTE ? Load.of(43, 0.5) : Load.of(172, 0.5)));
  }

  /// The scenario of a name.
  public static Optional<Scenario> named(String name) {
    return all().stream().filter(scenario -> scenario.name().equals(name)).findFirst();
  }

  /// What `model.conf`, this scenario and the given texts say, the last word last.
  ///
  /// @param more each such as `nodes.memory = 20`
  /// @throws dev.trellis.process.ConfigurationException if any is not legal
  public ModelConfig config(List<String> more) {
    List<String> texts = new ArrayList<>();
    texts.add(settings);
    texts.addAll(more);
    return ModelConfig.of(texts);
  }

  private static Scenario ofMinutes(
      String name, String description, int minutes, Load.Course course) {
    return new Scenario(
        name, description, "", Duration.ofMinutes(minutes), 1, 1, List.of(), course);
  }

  private static Scenario hotSpot() {
    return new Scenario(
        "hot-spot",
        "nine tenths of the load go to a tenth of the keys, every 15 minutes to another; memory"
            + " holds a fifth",
        "keys = 100000000\nvalue.bytes = 4KiB\nnodes.ssd = 5",
        Duration.ofMinutes(60),
        10,
        0.2,
        List.of(),
        (second, config) -> {
          int hot = 3 * (int) (second / (15 * MINUTE)) % 10;
          List<Double> weights = new ArrayList<>(Collections.nCopies(10, 0.1 / 9));
          weights.set(hot, 0.9);
          Load load = share(config, 0.1, 1);
          return new Load(load.clients(), load.zipf(), weights, 1);
        });
  }

  private static Scenario growth() {
    return new Scenario(
        "growth",
        "values become eight times as large in an hour",
        "keys = 50000000\nnodes.ssd = 2",
        Duration.ofMinutes(90),
        1,
        1,
        List.of(),
        (second, config) -> {
          Load load = share(config, 0.3, 0.8);
          return new Load(
              load.clients(), load.zipf(), load.weights(), 1 + 7 * Math.min(1, second / 3_600));
        });
  }

  /// The load of a scenario of the paper.
  @FunctionalInterface
  private interface PaperCourse {
    Load at(double second);
  }

  private static Scenario paper(String name, String description, int minutes, PaperCourse course) {
    return new Scenario(
        name,
        description,
        ModelConfig.resource("paper.conf"),
        Duration.ofMinutes(minutes),
        1,
        1,
        List.of(),
        (second, _) -> course.at(second));
  }

  private static boolean within(double second, double fromMinute, double toMinute) {
    return second >= fromMinute * MINUTE && second < toMinute * MINUTE;
  }

  /// As many clients as keep the first nodes so busy if none has to wait.
  private static Load share(ModelConfig config, double share, double zipf) {
    ModelConfig.Service service = config.service();
    double perSecond =
        share * config.nodes().memory() * config.nodes().shards() * 1e6 / service.memoryMicros();
    double seconds =
        config.clients().pause().toNanos() / 1e9
            + (service.memoryMicros() + service.memoryNetworkMicros()) / 1e6;
    return Load.of(perSecond * seconds, zipf);
  }
}
