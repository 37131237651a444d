// swift-tools-version: 6.2

import PackageDescription

let package = Package(
    name: "plumbline",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "plumbline", targets: ["EdgeTool"]),
        .executable(name: "plumbline-hub", targets: ["HubTool"]),
        // The parts, for the benchmarks, which are a package of their own.
        .library(name: "Causality", targets: ["Causality"]),
        .library(name: "Compression", targets: ["Compression"]),
        .library(name: "CurlTransport", targets: ["CurlTransport"]),
        .library(name: "Edge", targets: ["Edge"]),
        .library(name: "Hub", targets: ["Hub"]),
        .library(name: "Interchange", targets: ["Interchange"]),
        .library(name: "InventoryEngine", targets: ["InventoryEngine"]),
        .library(name: "Replication", targets: ["Replication"]),
        .library(name: "SQLiteStorage", targets: ["SQLiteStorage"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-protobuf", exact: "1.39.0"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(
            url: "https://github.com/hummingbird-project/hummingbird",
            exact: "2.28.1",
            traits: []
        ),
        .package(
            url: "https://github.com/swift-server/swift-service-lifecycle",
            exact: "2.13.0"
        ),
    ],
    targets: [
        // C libraries of the system.
        .systemLibrary(
            name: "CCurl",
            path: "Sources/CCurl",
            pkgConfig: "libcurl",
            providers: [.apt(["libcurl4-openssl-dev"])]
        ),
        .systemLibrary(
            name: "CZlib",
            path: "Sources/CZlib",
            pkgConfig: "zlib",
            providers: [.apt(["zlib1g-dev"])]
        ),

        // What the edge and the hub share.
        .target(
            name: "Causality",
            dependencies: [.product(name: "Crypto", package: "swift-crypto")],
            path: "Shared/Causality"
        ),
        .target(
            name: "InventoryEngine",
            dependencies: ["Causality"],
            path: "Shared/InventoryEngine"
        ),
        .target(
            name: "Replication",
            dependencies: [
                "Causality", "InventoryEngine",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            path: "Shared/Replication",
            exclude: ["Wire/plumbline.proto"]
        ),
        .target(
            name: "Interchange",
            dependencies: ["Causality", "InventoryEngine", "Replication", "Compression"],
            path: "Shared/Interchange"
        ),
        .target(
            name: "Reports",
            dependencies: ["Causality", "InventoryEngine", "Replication", "Interchange"],
            path: "Shared/Reports"
        ),
        .target(
            name: "Compression",
            dependencies: ["CZlib"],
            path: "Shared/Compression"
        ),
        .target(
            name: "SQLiteStorage",
            dependencies: [
                "Causality", "InventoryEngine", "Replication",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            path: "Shared/SQLiteStorage"
        ),

        // A node at a site.
        .target(
            name: "CurlTransport",
            dependencies: ["Causality", "InventoryEngine", "Replication", "Compression", "CCurl"],
            path: "Client/CurlTransport"
        ),
        .target(
            name: "Edge",
            dependencies: [
                "Causality", "InventoryEngine", "Replication", "Interchange", "Reports",
                "Compression",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            path: "Client/Edge"
        ),
        .executableTarget(
            name: "EdgeTool",
            dependencies: [
                "Causality", "InventoryEngine", "Replication", "Interchange", "Reports",
                "SQLiteStorage", "CurlTransport", "Edge",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            path: "Client/EdgeTool"
        ),

        // The hub.
        .target(
            name: "Hub",
            dependencies: [
                "Causality", "InventoryEngine", "Replication", "Interchange", "Reports",
                "Compression",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            path: "Server/Hub"
        ),
        .executableTarget(
            name: "HubTool",
            dependencies: [
                "Causality", "InventoryEngine", "Replication", "Interchange", "Reports",
                "SQLiteStorage", "Hub",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            path: "Server/HubTool"
        ),

        // Tests.
        .target(
            name: "TestSupport",
            dependencies: ["Causality", "InventoryEngine", "Replication"],
            path: "Tests/TestSupport"
        ),
        .testTarget(
            name: "CausalityTests",
            dependencies: ["Causality", "TestSupport"],
            path: "Tests/CausalityTests"
        ),
        .testTarget(
            name: "InventoryEngineTests",
            dependencies: ["Causality", "InventoryEngine", "Replication", "TestSupport"],
            path: "Tests/InventoryEngineTests",
            exclude: ["Fixtures"]
        ),
        .testTarget(
            name: "ReplicationTests",
            dependencies: ["Causality", "InventoryEngine", "Replication", "TestSupport"],
            path: "Tests/ReplicationTests",
            exclude: ["Fixtures"]
        ),
        .testTarget(
            name: "CompressionTests",
            dependencies: ["Compression", "TestSupport"],
            path: "Tests/CompressionTests"
        ),
        .testTarget(
            name: "InterchangeTests",
            dependencies: [
                "Causality", "InventoryEngine", "Replication", "Interchange", "TestSupport",
            ],
            path: "Tests/InterchangeTests"
        ),
        .testTarget(
            name: "ReportsTests",
            dependencies: [
                "Causality", "InventoryEngine", "Replication", "Interchange", "Reports",
                "SQLiteStorage", "TestSupport",
            ],
            path: "Tests/ReportsTests"
        ),
        .testTarget(
            name: "CurlTransportTests",
            dependencies: [
                "Causality", "Compression", "Replication", "CurlTransport", "TestSupport",
            ],
            path: "Tests/CurlTransportTests"
        ),
        .testTarget(
            name: "TestSupportTests",
            dependencies: ["Causality", "TestSupport"],
            path: "Tests/TestSupportTests"
        ),
        .testTarget(
            name: "SQLiteStorageTests",
            dependencies: [
                "Causality", "InventoryEngine", "Replication", "SQLiteStorage", "TestSupport",
            ],
            path: "Tests/SQLiteStorageTests"
        ),
        .testTarget(
            name: "SimulationTests",
            dependencies: [
                "Causality", "InventoryEngine", "Replication", "SQLiteStorage", "TestSupport",
            ],
            path: "Tests/SimulationTests"
        ),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "EdgeTool", "HubTool", "Causality", "InventoryEngine", "Replication",
                "Interchange", "Compression", "SQLiteStorage", "CurlTransport", "TestSupport",
            ],
            path: "Tests/EndToEndTests"
        ),
    ],
    swiftLanguageModes: [.v6]
)

let upcomingFeatures = [
    "ExistentialAny", "InternalImportsByDefault", "MemberImportVisibility",
    "InferIsolatedConformances", "ImmutableWeakCaptures", "NonisolatedNonsendingByDefault",
]
for target in package.targets where target.type != .system {
    var settings: [SwiftSetting] = upcomingFeatures.map { .enableUpcomingFeature($0) }
    settings.append(.treatAllWarnings(as: .error))
    settings.append(.treatWarning("DeprecatedDeclaration", as: .warning))  // not ours to decide
    if target.type != .test, target.name != "Replication" {  // generated code is not marked unsafe
        settings.append(.strictMemorySafety())
    }
    target.swiftSettings = settings
}
