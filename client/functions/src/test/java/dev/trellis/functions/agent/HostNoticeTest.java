package dev.trellis.functions.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.trellis.lattice.Payload;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class HostNoticeTest {
  private static final AgentName AGENT = new AgentName("game", "7");
  private static final List<Payload> KEYS = keys("a", "b", "c", "d");

  private static List<Payload> keys(String... names) {
    return Stream.of(names).map(Payload::ofText).toList();
  }

  private static HostNotice host(int number, int load, Set<Integer> warm, String... cached) {
    return new HostNotice(
        new HostId(number, number), Set.of("game"), load, warm, KeyFilter.of(keys(cached)));
  }

  private static HostNotice host(int number, String... cached) {
    return host(number, 0, Set.of(), cached);
  }

  private static List<HostId> ids(HostNotice... hosts) {
    return Stream.of(hosts).map(HostNotice::host).toList();
  }

  /// Twenty hosts with nothing cached, so that chance puts none of them first.
  private static List<HostNotice> with(HostNotice... others) {
    List<HostNotice> all =
        new ArrayList<>(IntStream.range(100, 120).mapToObj(HostNoticeTest::host).toList());
    all.addAll(List.of(others));
    return all;
  }

  @Test
  void theHostWithMostOfTheKeysGoesFirstBeforeOneWhereTheAgentWasLately() {
    HostNotice all = host(1, "a", "b", "c", "d");
    HostNotice half = host(2, "b", "d", "x");
    HostNotice lately = host(3, 0, Set.of(AGENT.hashCode()), "x", "y");
    assertEquals(
        ids(all, half, lately),
        HostNotice.ranked(AGENT, KEYS, with(half, lately, all)).subList(0, 3));
  }

  @Test
  void lessThanHalfOfTheKeysAndKeysThatNobodyAskedForAreNoPreference() {
    List<HostNotice> hosts = with(host(1, "a"), host(2, "x", "y"));
    assertEquals(HostNotice.ranked(AGENT, List.of(), hosts), HostNotice.ranked(AGENT, KEYS, hosts));
    HostNotice all = host(3, "a", "b", "c", "d");
    assertEquals(
        HostNotice.ranked(AGENT, List.of(), with(host(3))),
        HostNotice.ranked(AGENT, List.of(), with(all)));
  }

  @Test
  void aHostWithFarMoreAgentsThanOthersIsNotPreferred() {
    String[] names = {"a", "b", "c", "d"};
    HostNotice busy = host(1, 17, Set.of(), names);
    HostNotice overrun = host(1, 20, Set.of(), names);
    assertEquals(busy.host(), HostNotice.ranked(AGENT, KEYS, with(busy)).getFirst());
    assertEquals(
        HostNotice.ranked(AGENT, List.of(), with(overrun)),
        HostNotice.ranked(AGENT, KEYS, with(overrun)));
  }

  @Test
  void onceThePreferredHostIsGoneTheOthersAreAsIfItHadNeverBeen() {
    HostNotice all = host(1, "a", "b", "c", "d");
    List<HostId> before = HostNotice.ranked(AGENT, KEYS, with(all));
    assertEquals(before.subList(1, before.size()), HostNotice.ranked(AGENT, KEYS, with()));
  }

  @Test
  void whatAHostTellsIsReadAsItWas() {
    HostNotice told =
        new HostNotice(new HostId(1, 2), Set.of("a", "game"), 7, Set.of(-3, 5), KeyFilter.of(KEYS));
    assertEquals(told, HostNotice.of(told.value()));
  }
}
