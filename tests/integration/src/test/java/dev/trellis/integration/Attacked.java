package dev.trellis.integration;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.trellis.client.ClientConfig;
import dev.trellis.integration.RecordedLoad.Conditions;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Frame;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.Peer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;

/// A running cluster under attack, at every port: it goes on for others, and is afterwards what it
/// was before. `-Dattack.requests=1000000 -Dattack.half.open=10000` is what `docs/testing.md` tells
/// of.
@TestInstance(Lifecycle.PER_CLASS)
abstract class Attacked {
  static final int NODES = 2;
  static final int SHARDS = 2;
  private static final long SEED = Long.getLong("seed", System.nanoTime() & 0xFFFFFF);
  private static final long REQUESTS = Long.getLong("attack.requests", 5_000);

  /// Connections to each door that take for ever.
  private static final int HALF_OPEN = Integer.getInteger("attack.half.open", 100);

  /// What a process may hold in the end beyond what it held first, for which there are reasons:
  /// keys that were written, samples of those that were asked for, code.
  private static final long HEAP_GROWTH_MAX = 48L << 20;

  private static final int THREADS_GROWTH_MAX = 12; // of the compiler and the collector, mostly
  private static final int SOCKETS_GROWTH_MAX = 30;

  @TempDir static Path folder;
  LocalTrellis local;
  List<Door> doors;
  Bystander bystander;
  private Map<String, Long> pids;
  private List<Peer> replicas;
  private Map<String, Vitals> before;

  /// What `up` is given beyond what is the same for all.
  abstract List<String> options();

  /// Somebody who may do anything.
  abstract ClientConfig config();

  /// The API key that he has; empty where there is no security.
  abstract String key();

  /// How to encrypt, where there is security.
  abstract Optional<SSLContext> tls();

  Bystander newBystander() {
    HttpClient.Builder http = HttpClient.newBuilder();
    tls().ifPresent(http::sslContext);
    return new Bystander(
        config(),
        http,
        (tls().isPresent() ? "https" : "http") + "://localhost:" + local.gatewayPort(),
        key().isEmpty() ? "" : "Bearer " + key());
  }

  @BeforeAll
  void up() throws Exception {
    local = new LocalTrellis(folder);
    List<String> arguments = new ArrayList<>(options());
    arguments.addAll(
        List.of(
            "--monitor",
            "--memory-nodes",
            Integer.toString(NODES),
            "--shards",
            Integer.toString(SHARDS),
            "--memory",
            "256m",
            // No load is too much, so that nobody comes or goes.
            "--set-monitor",
            "objective.latency=1h",
            "--set-monitor",
            "occupancy.high=1.0"));
    local.up(arguments.toArray(String[]::new));
    Conditions.await("the cluster is whole", () -> local.status().get("whole").asBoolean());
    begun();
    doors = Door.all(local.portBase(), NODES, SHARDS);
    JsonNode status = local.status();
    pids = new LinkedHashMap<>();
    status
        .get("nodes")
        .forEach(node -> pids.put(node.get("id").asText(), node.get("pid").asLong()));
    pids.put("router", status.at("/router/pid").asLong());
    pids.put("monitor", status.at("/monitor/pid").asLong());
  }

  /// The cluster runs.
  void begun() throws Exception {}

  @AfterAll
  void down() {
    local.close();
  }

  @BeforeEach
  void look() {
    bystander = newBystander();
    replicas = new ArrayList<>();
    for (NodeDescriptor node : bystander.client().clusterMap().nodes()) {
      for (int shard = 0; shard < SHARDS; shard++) {
        replicas.add(new Peer(node.id(), node.incarnation(), shard));
      }
    }
    awaitRounds(50); // all that is made at the first use is made
    before = new LinkedHashMap<>();
    pids.forEach((name, pid) -> before.put(name, Vitals.of(pid)));
  }

  void awaitRounds(long more) {
    long until = bystander.right() + more;
    Conditions.await(
        "a bystander is served", () -> bystander.right() >= until || !bystander.wrong().isEmpty());
    assertEquals(List.of(), bystander.wrong());
  }

  @AfterEach
  void allIsAsItWas() throws Exception {
    try {
      awaitRounds(50);
      System.out.println(bystander);
    } finally {
      bystander.close();
    }
    assertEquals(List.of(), bystander.wrong());
    pids.forEach(
        (name, pid) -> {
          assertTrue(LocalTrellis.isRunning(pid), name + " has ended");
          Vitals then = before.get(name);
          Conditions.await(
              name + " has let go of sockets: " + then,
              () -> Vitals.sockets(pid) <= then.sockets() + SOCKETS_GROWTH_MAX);
          Vitals now = Vitals.of(pid);
          System.out.println(name + ": " + then + "; now " + now);
          assertTrue(now.heapBytes() <= then.heapBytes() + HEAP_GROWTH_MAX, name + " holds " + now);
          assertTrue(now.threads() <= then.threads() + THREADS_GROWTH_MAX, name + " has " + now);
        });
    assertTrue(local.status().get("whole").asBoolean());
    for (Path log : logs()) {
      String text = Files.readString(log);
      assertEquals(
          List.of(),
          text.lines().filter(line -> line.matches("\\S+Z ERROR .*")).toList(),
          log + " tells of defects");
      assertTrue(
          text.chars().allMatch(c -> c == '\n' || c == '\t' || (c >= ' ' && c != 0x7f)),
          log + " has control characters");
      long bytes = Files.size(log);
      System.out.println(log.getFileName() + ": " + bytes + " bytes");
      assertTrue(bytes < 1 << 20, log + " was filled by strangers, " + bytes + " bytes");
    }
  }

  private List<Path> logs() throws IOException {
    try (Stream<Path> files = Files.walk(local.home())) {
      return files.filter(file -> file.toString().endsWith(".log")).toList();
    }
  }

  @Test
  void whateverIsSentToWhicheverPortHarmsNobodyElse() {
    Attackers attackers =
        new Attackers(doors, replicas, key(), tls().map(SSLContext::getSocketFactory), SEED);
    long rounds = bystander.right();
    attackers.send(REQUESTS);
    System.out.println(attackers);
    assertEquals(List.of(), attackers.stuck());
    assertTrue(bystander.right() > rounds, "nobody was served meanwhile, -Dseed=" + SEED);
  }

  /// All doors at once, or one after the other where there are too many for one machine's sockets.
  @Test
  void whoTakesForEverIsDroppedAndNobodyWaitsForHim() throws IOException {
    int together = HALF_OPEN > 500 ? 1 : doors.size();
    for (int from = 0; from < doors.size(); from += together) {
      List<SlowLoris> all = new ArrayList<>();
      for (Door door : doors.subList(from, from + together)) {
        all.add(new SlowLoris(door));
      }
      try {
        for (SlowLoris one : all) {
          one.connect(HALF_OPEN);
        }
        long rounds = bystander.right();
        try (Bystander late = newBystander()) { // who comes while all that is going on
          Conditions.await(
              "all are dropped",
              () -> {
                all.forEach(SlowLoris::trickle);
                return all.stream().allMatch(one -> one.open() == 0);
              });
          assertTrue(late.right() > 0 || !late.wrong().isEmpty(), "somebody new was not served");
          assertEquals(List.of(), late.wrong());
        }
        assertTrue(bystander.right() > rounds, "nobody was served meanwhile");
      } finally {
        System.out.println(all);
        all.forEach(SlowLoris::close);
      }
    }
  }

  /// Names go into messages, and so into logs; [#allIsAsItWas] looks there.
  @Test
  void noNameEndsALineOfTheLogs() throws IOException {
    String name = "x\n2026-01-01T00:00:00.000Z ERROR [main] NodeMain: forged\r\u001b[31m";
    Peer stranger = new Peer(name, 1, 0);
    for (Door door : doors) {
      if (door.tongue() != Door.Tongue.FRAMES) {
        continue;
      }
      try (RudeClient client = new RudeClient(door.port())) {
        client.send(
            new Frame.Hello(
                Frame.PROTOCOL_VERSION,
                Frame.PROTOCOL_VERSION,
                name,
                7,
                Frame.Scope.NODE,
                Payload.EMPTY,
                name,
                Optional.of(new Frame.Introduction(stranger, stranger, 1))));
        client.rest();
      }
    }
    for (Door door : doors) {
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), door.port())) {
        socket.setSoTimeout(60_000);
        OutputStream out = socket.getOutputStream();
        if (door.tongue() == Door.Tongue.ZMTP) {
          out.write(HostileBytes.greeting("NULL"));
          out.write(HostileBytes.ready("DEALER"));
          for (int kind = 1; kind < 7; kind++) {
            out.write(
                HostileBytes.zmtpMessage(
                    0, HostileBytes.envelope(kind, name, name, name, new byte[0])));
          }
        } else {
          out.write(
              ("GET /v1/keys/"
                      + URLEncoder.encode(name, UTF_8)
                      + " HTTP/1.1\r\nHost: x\r\nTrellis-Session: "
                      + name.replace("\n", "\r\n ")
                      + "\r\nX: "
                      + name
                      + "\r\n\r\n")
                  .getBytes(UTF_8));
        }
        socket.shutdownOutput();
        socket.getInputStream().readAllBytes();
      } catch (SocketException e) {
        // Hung up upon, which is an answer too.
      }
    }
  }
}
