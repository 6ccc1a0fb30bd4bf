package dev.trellis.junit;

import dev.trellis.client.Trellis;
import dev.trellis.node.TrellisNode;
import dev.trellis.node.config.NodeConfig;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolutionException;
import org.junit.jupiter.api.extension.ParameterResolver;

/// Gives tests an empty store: one node in the same JVM, on free ports of loopback, with a client
/// connected to it. It starts when the first parameter asks for it, in a fraction of a second, and
/// is gone after the test.
///
/// ```java
/// @ExtendWith(TrellisExtension.class)
/// class CartTest {
///   @Test
///   void anItemIsAddedOnce(Trellis trellis) {
///     trellis.set("cart").add("apple", "apple");
///     assertEquals(1, trellis.set("cart").size());
///   }
/// }
/// ```
///
/// So each test method has a store of its own. Where the methods of a class shall share one, which
/// then keeps what they leave in it:
///
/// ```java
/// @RegisterExtension
/// static final TrellisExtension STORE = TrellisExtension.perClass().withShards(2);
/// ```
///
/// Parameters may be of these types, in tests, in methods before and after them, and in
/// constructors:
///
/// - [Trellis], the client; the extension closes it.
/// - [TrellisNode], the node, for its ports: a second client of your own, a look at its metrics.
public final class TrellisExtension implements ParameterResolver {
  private static final Namespace NAMESPACE = Namespace.create(TrellisExtension.class);
  private static final String NODE_ID = "test";

  private enum Scope {
    METHOD,
    CLASS
  }

  /// What runs. JUnit closes it together with the scope that it was made for.
  private record Running(TrellisNode node, Trellis trellis) implements AutoCloseable {
    static Running start(int shards) {
      TrellisNode node = TrellisNode.start(NodeConfig.loopback(NODE_ID, shards));
      try {
        return new Running(
            node, Trellis.connect("127.0.0.1:" + node.descriptor().shardPorts().getFirst()));
      } catch (RuntimeException | Error e) {
        node.close();
        throw e;
      }
    }

    @Override
    public void close() {
      trellis.close();
      node.close();
    }
  }

  private final Scope scope;
  private final int shards;

  /// A store of one shard for each test method: what `@ExtendWith` makes.
  public TrellisExtension() {
    this(Scope.METHOD, 1);
  }

  private TrellisExtension(Scope scope, int shards) {
    this.scope = scope;
    this.shards = shards;
  }

  /// A new store for each test method.
  public static TrellisExtension perMethod() {
    return new TrellisExtension(Scope.METHOD, 1);
  }

  /// One store for all test methods of a class and of the classes nested in it. Keep the extension
  /// in a static field.
  public static TrellisExtension perClass() {
    return new TrellisExtension(Scope.CLASS, 1);
  }

  /// The same with another number of shards.
  ///
  /// @param number 1 to 256; 1 unless this is called
  public TrellisExtension withShards(int number) {
    return new TrellisExtension(scope, number);
  }

  /// Lets the parameters of a constructor belong to the method that the instance is made for.
  @Override
  public ExtensionContextScope getTestInstantiationExtensionContextScope(ExtensionContext root) {
    return ExtensionContextScope.TEST_METHOD;
  }

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    Class<?> type = parameter.getParameter().getType();
    return type == Trellis.class || type == TrellisNode.class;
  }

  /// Starts the store unless it runs.
  ///
  /// @throws ParameterResolutionException if there is no method yet whose store it could be
  @Override
  public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
    Running running =
        scopeOf(context)
            .getStore(NAMESPACE)
            .getOrComputeIfAbsent(this, ignored -> Running.start(shards), Running.class);
    return parameter.getParameter().getType() == Trellis.class ? running.trellis() : running.node();
  }

  private ExtensionContext scopeOf(ExtensionContext context) {
    if (scope == Scope.METHOD) {
      if (context.getTestMethod().isEmpty()) {
        throw new ParameterResolutionException(
            "each test method has a store of its own, so there is none yet for a method that runs"
                + " before or after all tests of a class; register TrellisExtension.perClass() in a"
                + " static field to share one");
      }
      return context;
    }
    return outermostClass(context);
  }

  private static ExtensionContext outermostClass(ExtensionContext context) {
    ExtensionContext outermost = context;
    for (ExtensionContext each = context;
        each.getTestClass().isPresent();
        each = each.getParent().orElseThrow()) {
      outermost = each;
    }
    return outermost;
  }
}
