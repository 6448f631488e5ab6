import java.util.List;
import org.codelibs.opensearch.runner.OpenSearchRunner;

/** One node of a cluster in a process of its own, which the runner's own `main` cannot be: it makes single nodes.
 *
 * Arguments: base path, HTTP port, transport port, name, roles, and the transport addresses of the cluster. */
public class ClusterNode {
  public static void main(String[] args) throws Exception {
    OpenSearchRunner runner = new OpenSearchRunner();
    runner.onBuild((number, settings) -> {
      settings.put("discovery.type", "zen");
      settings.put("http.port", args[1]);
      settings.put("transport.port", args[2]);
      settings.put("node.name", args[3]);
      settings.putList("node.roles", args[4].split(","));
      settings.putList("discovery.seed_hosts", args[5].split(","));
      if (args[4].contains("cluster_manager")) {
        settings.putList("cluster.initial_cluster_manager_nodes", List.of(args[3]));
      }
    });
    runner.build(OpenSearchRunner.newConfigs().basePath(args[0]).clusterName("tapeless-test").numOfNode(1));
    Thread.currentThread().join();
  }
}
