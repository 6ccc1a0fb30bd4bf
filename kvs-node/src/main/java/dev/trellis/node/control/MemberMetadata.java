package dev.trellis.node.control;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;

/// What a member tells all others: itself, and what it knows of the cluster. Later versions may
/// append to it.
///
/// @param former its incarnations before this one whose data it has; empty if it has none
/// @param isComplete whether it joins, and has all that it shall hold
record MemberMetadata(
    NodeDescriptor node, ClusterState state, List<Long> former, boolean isComplete) {
  private static final int SHARDS_MAX = 256;

  Payload encode() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(256);
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeUTF(node.id());
      out.writeByte(node.tier().number());
      out.writeUTF(node.host());
      out.writeShort(node.shardPorts().size());
      for (int port : node.shardPorts()) {
        out.writeShort(port);
      }
      out.writeShort(node.adminPort());
      out.writeLong(node.incarnation());
      out.writeInt(node.capacity());
      out.writeByte(node.state().number());
      out.writeUTF(node.zone());
      out.writeShort(node.controlPort());
      state.write(out);
      out.writeByte(former.size());
      for (long incarnation : former) {
        out.writeLong(incarnation);
      }
      out.writeShort(node.statisticsPort());
      out.writeLong(state.monitorEpoch());
      out.writeBoolean(isComplete);
    } catch (IOException e) {
      throw new UncheckedIOException("metadata do not fit", e);
    }
    return Payload.of(bytes.toByteArray());
  }

  static MemberMetadata decode(byte[] bytes) throws MalformedMessageException {
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes))) {
      String id = in.readUTF();
      Tier tier = tier(in.readByte());
      String host = in.readUTF();
      int shards = in.readUnsignedShort();
      if (shards > SHARDS_MAX) {
        throw new MalformedMessageException("a node with " + shards + " shards");
      }
      List<Integer> ports = new ArrayList<>();
      for (int shard = 0; shard < shards; shard++) {
        ports.add(in.readUnsignedShort());
      }
      NodeDescriptor node =
          new NodeDescriptor(
              id,
              tier,
              host,
              ports,
              in.readUnsignedShort(),
              in.readLong(),
              in.readInt(),
              State.ofNumber(in.readByte()),
              in.readUTF(),
              in.readUnsignedShort());
      ClusterState state = ClusterState.read(in);
      List<Long> former = new ArrayList<>();
      for (int left = in.available() > 0 ? in.readUnsignedByte() : 0; left > 0; left--) {
        former.add(in.readLong());
      }
      int statisticsPort = in.available() > 0 ? in.readUnsignedShort() : 0;
      long epoch = in.available() > 0 ? in.readLong() : 0;
      boolean isComplete = in.available() > 0 && in.readBoolean();
      return new MemberMetadata(
          node.withStatisticsPort(statisticsPort),
          state.withMonitorEpoch(epoch),
          former,
          isComplete);
    } catch (MalformedMessageException e) {
      throw e;
    } catch (IOException | IllegalArgumentException e) {
      throw new MalformedMessageException("metadata of no node", e);
    }
  }

  static Tier tier(int number) throws MalformedMessageException {
    for (Tier tier : Tier.values()) {
      if (tier.number() == number) {
        return tier;
      }
    }
    throw new MalformedMessageException("no tier has number " + number);
  }
}
