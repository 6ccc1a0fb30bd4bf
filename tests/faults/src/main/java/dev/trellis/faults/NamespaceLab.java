package dev.trellis.faults;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A network namespace for each host, all plugged into one bridge, which is in a namespace too: of
/// what the machine itself has, only one interface is new, the clients' end of a cable to the
/// bridge. Ways are cut by `iptables` in the namespace of the host that shall not hear.
final class NamespaceLab implements Lab {
  private static final int ATTEMPTS_MAX = 200;
  private static final int FIRST_HOST = 10;
  private static final int HOSTS_MAX = 200;
  private static final int PORT_BASE = 7_500;
  private static final int INTERFACE_RADIX = 36;
  private static final Pattern NETWORK =
      Pattern.compile("([0-9]+)\\.([0-9]+)\\.([0-9]+)\\.([0-9]+)/([0-9]+)");
  private static final Pattern DROPPED = Pattern.compile("\\s*([0-9]+)\\s+[0-9]+\\s+DROP\\s.*");

  private final String name;
  private final String subnet; // the first three numbers of its addresses
  private final String cable; // the clients' end
  private final Map<Host, String> namespaces = new LinkedHashMap<>(); // guarded by this

  private NamespaceLab(String name, String subnet, String cable) {
    this.name = name;
    this.subnet = subnet;
    this.cable = cable;
  }

  /// Why there can be no such lab here; empty if there can.
  static Optional<String> obstacle() {
    try {
      if (Tool.find("ip").isEmpty()) {
        return Optional.of("there is no 'ip' (package iproute2)");
      }
      Tool.Result id = Tool.run("id", "-u");
      if (!id.output().equals("0")) {
        return Optional.of("only root can make network namespaces");
      }
      String probe = Owner.self().newName();
      Tool.Result made = Tool.run("ip", "netns", "add", probe);
      if (!made.succeeded()) {
        return Optional.of("'ip netns add' fails here: " + made.output());
      }
      Tool.require("ip", "netns", "delete", probe);
      return Optional.empty();
    } catch (IOException e) {
      return Optional.of(String.valueOf(e.getMessage()));
    }
  }

  /// Builds the bridge, and the clients' way to it.
  static NamespaceLab build() throws IOException {
    String name = Owner.self().newName();
    // Interfaces have names of at most 15 characters.
    String number = name.substring(name.lastIndexOf('-') + 1);
    String cable =
        "tf" + Long.toString(ProcessHandle.current().pid(), INTERFACE_RADIX) + "." + number;
    NamespaceLab lab = new NamespaceLab(name, freeSubnet(), cable);
    try {
      lab.connect();
      return lab;
    } catch (IOException | RuntimeException e) {
      lab.close();
      throw e;
    }
  }

  private String bridge() {
    return name + "-bridge";
  }

  private void connect() throws IOException {
    Tool.require("ip", "netns", "add", bridge());
    Tool.require("ip", "-n", bridge(), "link", "add", "bridge", "type", "bridge");
    Tool.require("ip", "-n", bridge(), "link", "set", "bridge", "up");
    Tool.require(
        "ip", "link", "add", cable, "type", "veth", "peer", "name", "clients", "netns", bridge());
    Tool.require("ip", "-n", bridge(), "link", "set", "clients", "master", "bridge", "up");
    Tool.require("ip", "address", "add", clientAddress() + "/24", "dev", cable);
    Tool.require("ip", "link", "set", cable, "up");
  }

  private String clientAddress() {
    return subnet + ".1";
  }

  @Override
  public synchronized Host newHost(String hostName) throws IOException {
    int number = namespaces.size();
    if (number == HOSTS_MAX) {
      throw new IOException("the network is full: it has " + HOSTS_MAX + " hosts");
    }
    String namespace = name + "-" + hostName;
    String address = subnet + "." + (FIRST_HOST + number);
    Host host = new Host(hostName, address, PORT_BASE, List.of("ip", "netns", "exec", namespace));
    Tool.require("ip", "netns", "add", namespace);
    namespaces.put(host, namespace);
    String plug = "host" + number;
    Tool.require(
        "ip", "-n", bridge(), "link", "add", plug, "type", "veth", "peer", "name", "eth0", "netns",
        namespace);
    Tool.require("ip", "-n", bridge(), "link", "set", plug, "master", "bridge", "up");
    Tool.require("ip", "-n", namespace, "address", "add", address + "/24", "dev", "eth0");
    Tool.require("ip", "-n", namespace, "link", "set", "lo", "up");
    Tool.require("ip", "-n", namespace, "link", "set", "eth0", "up");
    return host;
  }

  @Override
  public boolean canCut() {
    return Tool.find("iptables").isPresent();
  }

  @Override
  public void cut(Host from, Host to) throws IOException {
    drop(from.address(), to);
  }

  @Override
  public void cutClients(Host to) throws IOException {
    drop(clientAddress(), to);
  }

  private void drop(String address, Host at) throws IOException {
    Tool.require(iptables(at, "--append", "INPUT", "--source", address, "--jump", "DROP"));
  }

  private static List<String> iptables(Host at, String... arguments) {
    List<String> command = new ArrayList<>(at.prefix());
    command.addAll(List.of("iptables", "--wait"));
    command.addAll(List.of(arguments));
    return command;
  }

  @Override
  public synchronized long heal() throws IOException {
    if (!canCut()) {
      return 0;
    }
    long dropped = 0;
    for (Host host : namespaces.keySet()) {
      String rules =
          Tool.require(iptables(host, "--list", "INPUT", "--verbose", "--numeric", "--exact"));
      dropped +=
          rules
              .lines()
              .map(DROPPED::matcher)
              .filter(Matcher::matches)
              .mapToLong(rule -> Long.parseLong(rule.group(1)))
              .sum();
      Tool.require(iptables(host, "--flush", "INPUT"));
    }
    return dropped;
  }

  @Override
  public String describe() {
    return "network namespaces, "
        + subnet
        + ".0/24"
        + (canCut() ? "" : ", no ways cut since there is no 'iptables' (package iptables)");
  }

  /// Removes the namespaces, and with them their interfaces. Processes in them are to be ended
  /// before, since a namespace lives on with them.
  @Override
  public synchronized void close() throws IOException {
    Tool.run("ip", "link", "delete", cable);
    for (String namespace : namespaces.values()) {
      Tool.run("ip", "netns", "delete", namespace);
    }
    namespaces.clear();
    Tool.run("ip", "netns", "delete", bridge());
  }

  /// Finds 256 addresses in 10.0.0.0/8 that the machine has no way to yet.
  private static String freeSubnet() throws IOException {
    String routes = Tool.require("ip", "-4", "route", "show", "table", "all");
    List<long[]> taken = new ArrayList<>();
    Matcher matcher = NETWORK.matcher(routes);
    while (matcher.find()) {
      int bits = Integer.parseInt(matcher.group(5));
      // Whole 10.0.0.0/8, as behind a VPN, is no obstacle: a route to fewer addresses goes first.
      if (bits > 8) {
        long first = 0;
        for (int group = 1; group <= 4; group++) {
          first = first << 8 | Long.parseLong(matcher.group(group));
        }
        taken.add(new long[] {first, first + (1L << (32 - bits)) - 1});
      }
    }
    for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      int second = ThreadLocalRandom.current().nextInt(1, 255);
      int third = ThreadLocalRandom.current().nextInt(1, 255);
      long first = 10L << 24 | (long) second << 16 | (long) third << 8;
      if (taken.stream().noneMatch(range -> range[0] <= first + 255 && first <= range[1])) {
        return String.format(Locale.ROOT, "10.%d.%d", second, third);
      }
    }
    throw new IOException("every network in 10.0.0.0/8 seems to be in use here");
  }
}
