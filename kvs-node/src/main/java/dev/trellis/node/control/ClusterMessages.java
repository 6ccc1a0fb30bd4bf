package dev.trellis.node.control;

import dev.trellis.lattice.Payload;
import io.scalecube.cluster.Member;
import io.scalecube.cluster.transport.api.Message;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.Externalizable;
import java.io.IOException;
import java.io.ObjectInput;
import java.io.ObjectOutput;
import java.lang.reflect.Constructor;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// ScaleCube's messages as bytes. ScaleCube would write them with Java serialization, which can be
/// made to build anything; here each of its few classes has a number, and nothing else can be read.
///
/// The classes are not public, so what they write of themselves (`Externalizable`) is taken, and
/// new ones are made by reflection. What they do not check is checked here: a message that lacks a
/// part would end the subscription that handles it, and the node would be deaf from then on.
final class ClusterMessages {
  private static final int NULL = 0;
  private static final int TEXT = 1;
  private static final int NESTING_MAX = 16;
  private static final int OBJECTS_MAX = 100_000;
  private static final String PACKAGE = "io.scalecube.cluster.";

  /// Numbers from 2 on: never to be changed, only added to.
  private static final List<Class<?>> CLASSES =
      List.of(
          Message.class,
          Member.class,
          named("fdetector.PingData"),
          named("fdetector.PingData$AckType"),
          named("membership.SyncData"),
          named("membership.MembershipRecord"),
          named("membership.MemberStatus"),
          named("gossip.GossipRequest"),
          named("gossip.Gossip"),
          named("metadata.GetMetadataRequest"),
          named("metadata.GetMetadataResponse"));

  private static final Class<?> PING = named("fdetector.PingData");
  private static final Class<?> RECORD = named("membership.MembershipRecord");

  /// What a message of each qualifier carries.
  private static final Map<String, Class<?>> CONTENT =
      Map.of(
          "sc/fdetector/ping", PING,
          "sc/fdetector/pingReq", PING,
          "sc/fdetector/pingAck", PING,
          "sc/membership/sync", named("membership.SyncData"),
          "sc/membership/syncAck", named("membership.SyncData"),
          "sc/membership/gossip", RECORD,
          "sc/gossip/req", named("gossip.GossipRequest"),
          "sc/metadata/req", named("metadata.GetMetadataRequest"),
          "sc/metadata/resp", named("metadata.GetMetadataResponse"));

  private static final Map<Class<?>, Integer> NUMBERS = numbers();
  private static final Map<Class<?>, Constructor<?>> CONSTRUCTORS = constructors();

  private ClusterMessages() {}

  private static Class<?> named(String name) {
    try {
      return Class.forName(PACKAGE + name);
    } catch (ClassNotFoundException e) {
      throw new IllegalStateException("not the version of ScaleCube that this was made for", e);
    }
  }

  private static Map<Class<?>, Integer> numbers() {
    Map<Class<?>, Integer> numbers = new HashMap<>();
    for (int index = 0; index < CLASSES.size(); index++) {
      numbers.put(CLASSES.get(index), index + 2);
    }
    return Map.copyOf(numbers);
  }

  private static Map<Class<?>, Constructor<?>> constructors() {
    Map<Class<?>, Constructor<?>> constructors = new HashMap<>();
    for (Class<?> type : CLASSES) {
      if (!type.isEnum()) {
        try {
          Constructor<?> constructor = type.getDeclaredConstructor();
          constructor.setAccessible(true);
          constructors.put(type, constructor);
        } catch (NoSuchMethodException e) {
          throw new IllegalStateException("not the version of ScaleCube that this was made for", e);
        }
      }
    }
    return Map.copyOf(constructors);
  }

  static boolean isSync(Message message) {
    return "sc/membership/sync".equals(message.qualifier());
  }

  static Payload encode(Message message) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(256);
    try (Output out = new Output(bytes)) {
      out.writeObject(message);
    } catch (IOException e) {
      throw new IllegalArgumentException("cannot be written: " + message, e);
    }
    return Payload.of(bytes.toByteArray());
  }

  static Message decode(Payload bytes) throws MalformedMessageException {
    try {
      Input in = new Input(bytes.toBytes());
      Message message = (Message) in.object();
      requireContent(message);
      if (message.sender() == null) {
        throw new MalformedMessageException("a message without its sender");
      }
      return message;
    } catch (MalformedMessageException e) {
      throw e;
    } catch (IOException | ReflectiveOperationException | RuntimeException e) {
      // What the classes of ScaleCube throw when they are given nonsense is not for us to know.
      throw new MalformedMessageException("not a message of ScaleCube", e);
    }
  }

  private static void requireContent(Message message) throws MalformedMessageException {
    Class<?> content = CONTENT.get(String.valueOf(message.qualifier()));
    if (content == null || !content.isInstance(message.data())) {
      throw new MalformedMessageException("a message that does not carry what its name says");
    }
  }

  /// Writes each object as the number of its class, followed by what it writes itself.
  private static final class Output extends DataOutputStream implements ObjectOutput {
    Output(ByteArrayOutputStream bytes) {
      super(bytes);
    }

    @Override
    public void writeObject(Object object) throws IOException {
      switch (object) {
        case null -> writeByte(NULL);
        case String text -> {
          writeByte(TEXT);
          writeUTF(text);
        }
        case Enum<?> constant -> {
          writeByte(number(constant.getDeclaringClass()));
          writeUTF(constant.name());
        }
        case Externalizable other -> {
          writeByte(number(other.getClass()));
          other.writeExternal(this);
        }
        default -> throw new IOException("no number for " + object.getClass());
      }
    }

    private static int number(Class<?> type) throws IOException {
      Integer number = NUMBERS.get(type);
      if (number == null) {
        throw new IOException("no number for " + type);
      }
      return number;
    }
  }

  /// Reads what [Output] writes, or anything else without harm.
  private static final class Input implements ObjectInput {
    private final ByteArrayInputStream bytes;
    private final DataInputStream in;
    private int nesting;
    private int objects;
    private Class<?> reading = Object.class;

    Input(byte[] message) {
      bytes = new ByteArrayInputStream(message);
      in = new DataInputStream(bytes);
    }

    Object object() throws IOException, ReflectiveOperationException {
      int number = in.readUnsignedByte();
      if (++objects > OBJECTS_MAX || nesting >= NESTING_MAX || number >= CLASSES.size() + 2) {
        throw new MalformedMessageException("an object of unknown number, or too many");
      }
      if (number == NULL) {
        throw new MalformedMessageException("nothing where something must be");
      }
      if (number == TEXT) {
        return in.readUTF();
      }
      Class<?> type = CLASSES.get(number - 2);
      Constructor<?> constructor = CONSTRUCTORS.get(type);
      if (constructor == null) {
        return constant(type, in.readUTF());
      }
      Class<?> outer = reading;
      reading = type;
      nesting++;
      Externalizable object = (Externalizable) constructor.newInstance();
      object.readExternal(this);
      nesting--;
      reading = outer;
      if (object instanceof Message message && nesting > 0) {
        requireContent(message);
      }
      return object;
    }

    private static Object constant(Class<?> type, String name) throws MalformedMessageException {
      for (Object constant : type.getEnumConstants()) {
        if (((Enum<?>) constant).name().equals(name)) {
          return constant;
        }
      }
      throw new MalformedMessageException("no such " + type.getSimpleName());
    }

    /// A ping lacks who first asked for it and its answer, and a header may be unset; nothing else
    /// may be missing.
    @Override
    @SuppressWarnings("NullAway") // ScaleCube knows no annotations
    public Object readObject() throws IOException {
      try {
        if (reading == Message.class || reading == PING) {
          bytes.mark(1);
          if (bytes.read() == NULL) {
            return null;
          }
          bytes.reset();
        }
        return object();
      } catch (ReflectiveOperationException e) {
        throw new MalformedMessageException("an object that cannot be made", e);
      }
    }

    /// Most numbers are lengths, which are believed only if so many bytes are left.
    @Override
    public int readInt() throws IOException {
      int number = in.readInt();
      if (reading != RECORD && (number < 0 || number > bytes.available())) {
        throw new MalformedMessageException("a length of " + number + " that cannot be");
      }
      return number;
    }

    @Override
    public String readUTF() throws IOException {
      return in.readUTF();
    }

    @Override
    public boolean readBoolean() throws IOException {
      return in.readBoolean();
    }

    @Override
    public long readLong() throws IOException {
      return in.readLong();
    }

    @Override
    public void readFully(byte[] target) throws IOException {
      in.readFully(target);
    }

    // The rest is used by none of the classes, but belongs to the interface.

    @Override
    public int read() throws IOException {
      return in.read();
    }

    @Override
    public int read(byte[] target) throws IOException {
      return in.read(target);
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
      return in.read(target, offset, length);
    }

    @Override
    public long skip(long count) throws IOException {
      return in.skip(count);
    }

    @Override
    public int available() {
      return bytes.available();
    }

    @Override
    public void close() throws IOException {
      in.close();
    }

    @Override
    public void readFully(byte[] target, int offset, int length) throws IOException {
      in.readFully(target, offset, length);
    }

    @Override
    public int skipBytes(int count) throws IOException {
      return in.skipBytes(count);
    }

    @Override
    public byte readByte() throws IOException {
      return in.readByte();
    }

    @Override
    public int readUnsignedByte() throws IOException {
      return in.readUnsignedByte();
    }

    @Override
    public short readShort() throws IOException {
      return in.readShort();
    }

    @Override
    public int readUnsignedShort() throws IOException {
      return in.readUnsignedShort();
    }

    @Override
    public char readChar() throws IOException {
      return in.readChar();
    }

    @Override
    public float readFloat() throws IOException {
      return in.readFloat();
    }

    @Override
    public double readDouble() throws IOException {
      return in.readDouble();
    }

    @Override
    public String readLine() throws IOException {
      throw new MalformedMessageException("lines are not used");
    }
  }
}
