package dev.trellis.monitor.simulation;

import dev.trellis.monitor.policy.ClusterView;
import dev.trellis.monitor.policy.ClusterView.Latency;
import dev.trellis.monitor.policy.ClusterView.Taken;
import dev.trellis.monitor.policy.Decision;
import dev.trellis.monitor.policy.Policies;
import dev.trellis.monitor.policy.Policy;
import dev.trellis.monitor.policy.PolicySettings.Statistic;
import dev.trellis.monitor.simulation.SimulationReport.Made;
import dev.trellis.monitor.simulation.SimulationReport.Sample;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/// One run of a scenario: second by second the model answers the load, every period the policies
/// look at it and what they decide is done.
public final class PolicySimulation {
  private static final int NOISE_SECONDS = 10;

  /// A load that changes by less is taken for the same.
  private static final double SAME = 0.002;

  private final Scenario scenario;
  private final ModelConfig config;
  private final Policy policy;
  private final ModelCluster cluster;
  private final SplittableRandom random;
  private final List<Taken> taken = new ArrayList<>();
  private final List<Sample> samples = new ArrayList<>();
  private final List<Made> made = new ArrayList<>();
  private Load load = Load.of(0, 0); // answered last
  private Queues.Flow flow = new Queues.Flow(0, 0, 0);
  private double noise = 1;
  private double seenRequests; // since the monitor last looked
  private double seenMicros;
  private double seenP95Micros;

  private PolicySimulation(Scenario scenario, ModelConfig config, Policy policy, long seed) {
    this.scenario = scenario;
    this.config = config;
    this.policy = policy;
    random = new SplittableRandom(seed);
    cluster = new ModelCluster(scenario, config, random.split());
  }

  /// Runs a scenario with all policies.
  ///
  /// @param config by [Scenario#config]
  public static SimulationReport run(Scenario scenario, ModelConfig config, long seed) {
    return run(scenario, config, new Policies(), seed);
  }

  static SimulationReport run(Scenario scenario, ModelConfig config, Policy policy, long seed) {
    return new PolicySimulation(scenario, config, policy, seed).run();
  }

  private SimulationReport run() {
    long seconds = scenario.duration().toSeconds();
    long period = config.period().toSeconds();
    for (long second = 0; second < seconds; second++) {
      answer(second);
      sample(second);
      if ((second + 1) % period == 0) {
        look(second + 1);
      }
    }
    return new SimulationReport(scenario, config, samples, made);
  }

  /// Lets one second pass.
  private void answer(long second) {
    long nowMillis = second * 1_000;
    boolean changed = cluster.advance(nowMillis);
    if (scenario.failures().contains((int) second)) {
      cluster.kill(nowMillis);
      changed = true;
    }
    if (config.noise() > 0 && second % NOISE_SECONDS == 0) {
      noise = Math.clamp(1 + config.noise() * random.nextGaussian(), 0.5, 1.5);
    }
    Load now = scenario.course().at((double) second, config).times(noise);
    if (changed || !isSame(now, load)) {
      load = now;
      flow = cluster.serve(now);
    }
    seenRequests += flow.perSecond();
    seenMicros += flow.perSecond() * flow.meanMicros();
    seenP95Micros = Math.max(seenP95Micros, flow.p95Micros());
  }

  private static boolean isSame(Load one, Load other) {
    return Math.abs(one.clients() - other.clients()) <= SAME * other.clients()
        && one.zipf() == other.zipf()
        && one.weights().equals(other.weights())
        && Math.abs(one.growth() - other.growth()) <= SAME * other.growth();
  }

  private void sample(long second) {
    double latency =
        config.policy().objective().statistic() == Statistic.P95
            ? flow.p95Micros()
            : flow.meanMicros();
    samples.add(
        new Sample(
            second,
            cluster.paid(Tier.MEMORY),
            cluster.paid(Tier.SSD),
            flow.perSecond(),
            latency,
            latency <= config.policy().objective().micros()));
  }

  /// The monitor looks, decides, and has it done.
  private void look(long second) {
    long nowMillis = second * 1_000;
    refresh(nowMillis);
    ClusterView view = cluster.view(nowMillis, seen(), taken);
    for (Decision decision : policy.decide(view, config.policy())) {
      cluster.carryOut(decision, nowMillis);
      taken.addFirst(new Taken(decision, nowMillis, false, 0));
      made.add(new Made(second, decision));
    }
  }

  private Latency seen() {
    Latency latency =
        seenRequests < 1
            ? Latency.NONE
            : new Latency((long) seenRequests, seenMicros / seenRequests, seenP95Micros, true);
    seenRequests = 0;
    seenMicros = 0;
    seenP95Micros = 0;
    return latency;
  }

  /// Notes what has come about, and forgets what nobody asks for any more.
  private void refresh(long nowMillis) {
    taken.removeIf(each -> !Policies.matters(each, nowMillis, config.policy()));
    taken.replaceAll(
        each ->
            !each.isDone() && cluster.isDone(each.decision())
                ? new Taken(each.decision(), each.atMillis(), true, nowMillis)
                : each);
  }
}
