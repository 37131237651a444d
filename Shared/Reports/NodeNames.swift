public import Causality
import InventoryEngine
public import Replication

/// How people call the holders of promise rights: by a node's name, as `hub`, or by a site's code,
/// which means its first active node.
public enum NodeNames {
    /// Reads all names.
    ///
    /// - Parameter log: The transaction to read in.
    /// - Returns: The node of each name; a node's own name comes before a site's code.
    /// - Throws: `EngineError` with the code `damaged`, or a storage error.
    /// - Complexity: O(nodes + sites).
    public static func all(in log: any LogReading) throws -> [String: NodeID] {
        var names: [String: NodeID] = [:]
        let source = log.source(.base)
        try source.scan(.site) { key, value in
            let code = try SiteRow.Key(bytes: key).code
            names[code.text] = try SiteRow(bytes: value).activeNodes.first
        }
        try source.scan(.node) { key, value in
            names[try NodeRow(bytes: value).name.text] = try NodeRow.Key(bytes: key).node
        }
        return names
    }
}
