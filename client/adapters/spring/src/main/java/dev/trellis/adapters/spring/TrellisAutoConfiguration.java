package dev.trellis.adapters.spring;

import dev.trellis.client.Trellis;
import dev.trellis.functions.Functions;
import dev.trellis.functions.Invoker;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.cloud.function.context.FunctionCatalog;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/// Gives a [Trellis] client and [Functions] over it to programs that set `trellis.addresses` or
/// have a client of their own. The client is closed with the context, and made ready for snapshots
/// of the process by `Trellis.beforeCheckpoint`, see [TrellisLifecycle]. Where there is Spring
/// Cloud Function, an [Invoker] has functions go on with each other's results, see
/// [CatalogInvoker].
@AutoConfiguration
@EnableConfigurationProperties(TrellisProperties.class)
public class TrellisAutoConfiguration {
  /// The client of `trellis.addresses`, which fails to start where nobody answers there.
  @Bean
  @ConditionalOnMissingBean
  @ConditionalOnProperty(prefix = "trellis", name = "addresses")
  public Trellis trellis(TrellisProperties properties) {
    return Trellis.connect(properties.clientConfig());
  }

  /// What functions need.
  @Bean
  @ConditionalOnMissingBean
  @ConditionalOnBean(Trellis.class)
  public Functions trellisFunctions(Trellis trellis) {
    return Functions.over(trellis);
  }

  /// Tells the client of snapshots of the process.
  @Bean
  @ConditionalOnMissingBean
  @ConditionalOnBean(Trellis.class)
  TrellisLifecycle trellisLifecycle(Trellis trellis) {
    return new TrellisLifecycle(trellis);
  }

  /// Where there is Spring Cloud Function.
  @Configuration(proxyBeanMethods = false)
  @ConditionalOnClass(FunctionCatalog.class)
  static class Calls {
    /// Runs functions of this program for each other.
    @Bean
    @ConditionalOnMissingBean(Invoker.class)
    CatalogInvoker trellisInvoker(ObjectProvider<FunctionCatalog> catalog) {
      return new CatalogInvoker(catalog::getObject);
    }
  }
}
