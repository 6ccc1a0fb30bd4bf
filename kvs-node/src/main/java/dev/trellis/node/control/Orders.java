package dev.trellis.node.control;

import dev.trellis.node.membership.Incarnation;
import dev.trellis.node.membership.Membership;
import dev.trellis.node.membership.MembershipView;
import dev.trellis.node.membership.ShardProgress;
import dev.trellis.wire.NodeDescriptor;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Carries out what clients ask of a node.
final class Orders {
  private static final Logger LOG = LoggerFactory.getLogger(Orders.class);
  private static final int FAULT_TOLERANCE_MAX = 15;
  private static final int RESTORE_SECONDS_MAX = 300;

  private final Membership membership;
  private final String clusterName;
  private final NodeDescriptor self; // but for its state
  private final NodeOrders node;
  private long highestClaim; // that was made here; of the thread of the membership
  private long renewedNanos; // when it was made last
  private long admittedUntilNanos = System.nanoTime(); // of the thread of the membership

  Orders(Membership membership, String clusterName, NodeDescriptor self, NodeOrders node) {
    this.membership = membership;
    this.clusterName = clusterName;
    this.self = self;
    this.node = node;
  }

  Order.Answer carryOut(Order order) {
    return switch (order.word()) {
      case "status" -> accepted(status());
      case "leave" -> leave(order.argument());
      case "claim" -> claim(order.argument());
      case "declare-gone" -> declareGone(order.argument());
      case "fault-tolerance" -> faultTolerance(order.argument());
      case "backup" -> backup(order.argument());
      case "backup-status" -> accepted(backupStatus());
      case "restore" -> restore(order.argument());
      default ->
          refused(
              "unknown order '"
                  + order.word()
                  + "'; known are status, leave, claim, declare-gone, fault-tolerance, backup,"
                  + " backup-status, restore");
    };
  }

  private Order.Answer leave(String epoch) {
    if (!epoch.isEmpty()) {
      Optional<String> problem = problemOfEpoch("leave", epoch);
      if (problem.isPresent()) {
        return refused(problem.get());
      }
    }
    boolean alone = membership.view().topology().members().size() == 1;
    if (alone) {
      return refused(
          "node "
              + self.id()
              + " is the only member: nobody could take over what it holds; stop it instead");
    }
    node.leave();
    return accepted("");
  }

  /// Takes a monitor's word that it leads, which counts for as long as it says so again and again.
  private Order.Answer claim(String epoch) {
    Optional<String> problem = problemOfEpoch("claim", epoch);
    if (problem.isPresent()) {
      return refused(problem.get());
    }
    long claimed = Long.parseLong(epoch);
    if (claimed > 0) {
      membership.claim(claimed);
      highestClaim = claimed;
      renewedNanos = System.nanoTime();
    }
    long age =
        highestClaim == highestEpoch() && highestClaim > 0
            ? TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - renewedNanos)
            : -1;
    StringBuilder json = new StringBuilder("{");
    field(json, "epoch", Long.toString(highestEpoch()));
    field(json, "ageMillis", Long.toString(age));
    return accepted(json.append("}").toString());
  }

  private long highestEpoch() {
    return Math.max(highestClaim, membership.view().monitorEpoch());
  }

  /// Why an order of this epoch is not carried out; 0 is that of one who only asks.
  private Optional<String> problemOfEpoch(String word, String epoch) {
    if (!epoch.matches("[0-9]{1,18}")) {
      return Optional.of(word + " '" + epoch + "' must be the epoch of a monitor, a whole number");
    }
    long highest = highestEpoch();
    long given = Long.parseLong(epoch);
    return given != 0 && given < highest
        ? Optional.of(
            "epoch " + given + " is over: a monitor of epoch " + highest + " has taken over")
        : Optional.empty();
  }

  private Order.Answer declareGone(String nodeId) {
    MembershipView view = membership.view();
    if (view.topology().member(nodeId).isPresent()) {
      return refused(
          view.suspected().contains(nodeId)
              ? "node "
                  + nodeId
                  + " does not answer, but was not removed yet; try again in a few seconds"
              : "node " + nodeId + " is a live member; have it leave instead");
    }
    List<Incarnation> absent =
        view.absent().stream().filter(one -> one.nodeId().equals(nodeId)).toList();
    if (absent.isEmpty()) {
      return refused(
          "node "
              + nodeId
              + " is not absent; absent are "
              + view.absent().stream().map(Incarnation::nodeId).sorted().toList());
    }
    absent.forEach(membership::declareGone);
    return accepted("");
  }

  private Order.Answer faultTolerance(String argument) {
    if (!argument.matches("[0-9]{1,2}") || Integer.parseInt(argument) > FAULT_TOLERANCE_MAX) {
      return refused("fault-tolerance '" + argument + "' must be a number of nodes, 0 to 15");
    }
    membership.changeFaultTolerance(Integer.parseInt(argument));
    return accepted("");
  }

  private Order.Answer backup(String folder) {
    try {
      return node.beginBackup(Path.of(folder)).map(Orders::refused).orElseGet(() -> accepted(""));
    } catch (InvalidPathException e) {
      return refused("the folder '" + folder + "' is no path here: " + e.getReason());
    }
  }

  private String backupStatus() {
    BackupProgress progress = node.backup();
    StringBuilder json = new StringBuilder("{");
    field(json, "state", quoted(progress.word()));
    field(json, "folder", quoted(progress.folder()));
    field(json, "bytes", Long.toString(progress.bytes()));
    field(json, "bytesExpected", Long.toString(progress.bytesExpected()));
    field(json, "problem", quoted(progress.problem()));
    return json.append("}").toString();
  }

  private Order.Answer restore(String argument) {
    if (!argument.matches("[0-9]{1,3}") || Integer.parseInt(argument) > RESTORE_SECONDS_MAX) {
      return refused(
          "restore '" + argument + "' must be a number of seconds, 0 to " + RESTORE_SECONDS_MAX);
    }
    Duration lease = Duration.ofSeconds(Integer.parseInt(argument));
    long now = System.nanoTime();
    if (!lease.isZero() && now - admittedUntilNanos > 0) {
      LOG.info("clients may merge entries as they stand: something is restored");
    }
    admittedUntilNanos = now + lease.toNanos();
    node.admitMerges(lease);
    return accepted("");
  }

  private static Order.Answer accepted(String text) {
    return new Order.Answer(true, text);
  }

  private static Order.Answer refused(String text) {
    return new Order.Answer(false, text);
  }

  private String status() {
    MembershipView view = membership.view();
    List<ShardProgress> shards = node.progress();
    StringBuilder json = new StringBuilder("{");
    field(json, "id", quoted(self.id()));
    field(json, "incarnation", hex(self.incarnation()));
    field(json, "cluster", quoted(clusterName));
    field(
        json,
        "state",
        quoted(
            view.topology()
                .member(self.id())
                .map(NodeDescriptor::state)
                .orElse(self.state())
                .word()));
    field(json, "version", Long.toString(view.topology().version()));
    field(json, "faultTolerance", Integer.toString(view.topology().faultTolerance()));
    field(json, "settled", Boolean.toString(view.isSettled()));
    field(
        json,
        "members",
        view.topology().members().stream()
            .map(member -> member(member, view))
            .collect(Collectors.joining(",", "[", "]")));
    field(json, "absent", incarnations(view.absent()));
    field(json, "gone", incarnations(view.gone()));
    StringBuilder list = new StringBuilder("[");
    for (int shard = 0; shard < shards.size(); shard++) {
      list.append(shard == 0 ? "" : ",").append(shard(shard, shards.get(shard)));
    }
    field(json, "shards", list.append("]").toString());
    return json.append("}").toString();
  }

  private static String member(NodeDescriptor member, MembershipView view) {
    StringBuilder json = new StringBuilder("{");
    field(json, "id", quoted(member.id()));
    field(json, "tier", quoted(member.tier().word()));
    field(json, "state", quoted(member.state().word()));
    field(json, "suspected", Boolean.toString(view.suspected().contains(member.id())));
    field(json, "incarnation", hex(member.incarnation()));
    field(json, "host", quoted(member.host()));
    field(json, "controlPort", Integer.toString(member.controlPort()));
    field(json, "adminPort", Integer.toString(member.adminPort()));
    field(json, "statisticsPort", Integer.toString(member.statisticsPort()));
    field(json, "shardPorts", member.shardPorts().toString());
    field(json, "capacity", Integer.toString(member.capacity()));
    field(json, "zone", quoted(member.zone()));
    return json.append("}").toString();
  }

  private static String shard(int index, ShardProgress progress) {
    StringBuilder json = new StringBuilder("{");
    field(json, "shard", Integer.toString(index));
    field(json, "version", Long.toString(progress.version()));
    field(json, "held", Integer.toString(progress.held()));
    field(json, "incomplete", Integer.toString(progress.incomplete()));
    field(json, "surplus", Integer.toString(progress.surplus()));
    return json.append("}").toString();
  }

  private static String incarnations(Collection<Incarnation> all) {
    return all.stream()
        .map(
            one ->
                "{\"id\":" + quoted(one.nodeId()) + ",\"incarnation\":" + hex(one.number()) + "}")
        .sorted()
        .collect(Collectors.joining(",", "[", "]"));
  }

  private static void field(StringBuilder json, String name, String value) {
    json.append(json.length() == 1 ? "" : ",").append('"').append(name).append("\":").append(value);
  }

  private static String hex(long number) {
    return '"' + Long.toHexString(number) + '"';
  }

  private static String quoted(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    for (int at = 0; at < text.length(); at++) {
      char each = text.charAt(at);
      if (each == '"' || each == '\\') {
        quoted.append('\\').append(each);
      } else if (each < ' ') {
        quoted.append(String.format("\\u%04x", (int) each));
      } else {
        quoted.append(each);
      }
    }
    return quoted.append('"').toString();
  }
}
