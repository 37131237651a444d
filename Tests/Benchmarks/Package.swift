// swift-tools-version: 6.2

import PackageDescription

let package = Package(
    name: "plumbline-benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "plumbline", path: "../.."),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(
            url: "https://github.com/swift-server/swift-service-lifecycle",
            exact: "2.13.0"
        ),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
    ],
    targets: [
        .executableTarget(
            name: "Benchmarks",
            dependencies: [
                .product(name: "Causality", package: "plumbline"),
                .product(name: "InventoryEngine", package: "plumbline"),
                .product(name: "Replication", package: "plumbline"),
                .product(name: "Interchange", package: "plumbline"),
                .product(name: "Compression", package: "plumbline"),
                .product(name: "SQLiteStorage", package: "plumbline"),
                .product(name: "CurlTransport", package: "plumbline"),
                .product(name: "Edge", package: "plumbline"),
                .product(name: "Hub", package: "plumbline"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            path: "Sources",
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("MemberImportVisibility"),
                .enableUpcomingFeature("InferIsolatedConformances"),
                .enableUpcomingFeature("ImmutableWeakCaptures"),
                .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
                .treatAllWarnings(as: .error),
                .treatWarning("DeprecatedDeclaration", as: .warning),  // not ours to decide
                .strictMemorySafety(),
            ]
        )
    ],
    swiftLanguageModes: [.v6]
)
