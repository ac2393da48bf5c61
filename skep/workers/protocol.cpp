// SPDX-License-Identifier: Apache-2.0
#include "skep/workers/protocol.hpp"

#include <algorithm>

#include "skep/base/message_fields.hpp"

namespace skep::workers {
namespace {

constexpr std::uint32_t kMostMaps = 4096;
constexpr std::uint32_t kMostFields = 64;
constexpr std::uint32_t kLongestText = 1U << 16;
constexpr int kDeepestMap = 4;

Result<void> at_end(const ByteReader& reader) {
    return reader.at_end() ? Result<void>()
                           : fail(Code::invalid_input, "a message has more than it should");
}

void write_port(ByteWriter& writer, const datapath::PortSpec& port) {
    writer.write(static_cast<std::uint32_t>(port.kind));
    write_text(writer, port.name);
    writer.write(port.ifindex);
    writer.write(port.network_namespace);
    writer.write(std::uint32_t{port.out_is_pcapng ? 1U : 0U});
}

Result<datapath::PortSpec> read_port(ByteReader& reader) {
    datapath::PortSpec port;
    const auto kind = TRY(reader.read<std::uint32_t>());
    if (kind > static_cast<std::uint32_t>(datapath::PortKind::observe)) {
        return fail(Code::invalid_input, "a message names no kind of port");
    }
    port.kind = static_cast<datapath::PortKind>(kind);
    port.name = TRY(read_text(reader, kLongestText));
    port.ifindex = TRY(reader.read<std::uint32_t>());
    port.network_namespace = TRY(reader.read<std::uint64_t>());
    port.out_is_pcapng = TRY(reader.read<std::uint32_t>()) != 0;
    return port;
}

void write_map(ByteWriter& writer, const spec::MapSpec& map) {
    write_text(writer, map.name);
    for (const std::uint32_t field :
         {static_cast<std::uint32_t>(map.type), map.key_size_bytes, map.value_size_bytes,
          map.max_entries, map.flags, map.numa_node, map.btf_key_type_id, map.btf_value_type_id,
          map.btf_vmlinux_value_type_id}) {
        writer.write(field);
    }
    writer.write(map.map_extra);
    writer.write(static_cast<std::uint32_t>(map.value_fields.size()));
    for (const spec::ValueField& field : map.value_fields) {
        writer.write(static_cast<std::uint32_t>(field.kind));
        writer.write(field.offset_bytes);
        writer.write(field.size_bytes);
    }
    writer.write(std::uint32_t{map.inner != nullptr ? 1U : 0U});
    if (map.inner != nullptr) {
        write_map(writer, *map.inner);
    }
}

Result<spec::MapSpec> read_map(ByteReader& reader, int depth) {
    if (depth > kDeepestMap) {
        return fail(Code::invalid_input, "maps of maps nested too deep");
    }
    spec::MapSpec map;
    map.name = TRY(read_text(reader, kLongestText));
    map.type = static_cast<spec::MapType>(TRY(reader.read<std::uint32_t>()));
    for (std::uint32_t* field :
         {&map.key_size_bytes, &map.value_size_bytes, &map.max_entries, &map.flags, &map.numa_node,
          &map.btf_key_type_id, &map.btf_value_type_id, &map.btf_vmlinux_value_type_id}) {
        *field = TRY(reader.read<std::uint32_t>());
    }
    map.map_extra = TRY(reader.read<std::uint64_t>());
    const std::uint32_t fields = TRY(read_count(reader, kMostFields));
    for (std::uint32_t i = 0; i < fields; ++i) {
        spec::ValueField field;
        const auto kind = TRY(reader.read<std::uint32_t>());
        if (kind > static_cast<std::uint32_t>(spec::FieldKind::tree_root)) {
            return fail(Code::invalid_input, "a message names no kind of field");
        }
        field.kind = static_cast<spec::FieldKind>(kind);
        field.offset_bytes = TRY(reader.read<std::uint32_t>());
        field.size_bytes = TRY(reader.read<std::uint32_t>());
        map.value_fields.push_back(field);
    }
    if (TRY(reader.read<std::uint32_t>()) != 0) {
        map.inner = std::make_shared<spec::MapSpec>(TRY(read_map(reader, depth + 1)));
    }
    return map;
}

} // namespace

ByteVector encode(const Order& order) {
    ByteWriter writer;
    writer.write(static_cast<std::uint32_t>(order.kind));
    writer.write(order.number);
    writer.write(order.id);
    writer.write(order.cpu);
    writer.write(static_cast<std::uint32_t>(order.map_ids.size()));
    for (const std::uint32_t id : order.map_ids) {
        writer.write(id);
    }
    write_content(writer, order.map_spec);
    write_port(writer, order.port);
    return writer.take();
}

Result<Order> decode_order(Bytes bytes) {
    ByteReader reader(bytes);
    Order order;
    const auto kind = TRY(reader.read<std::uint32_t>());
    if (kind > static_cast<std::uint32_t>(OrderKind::compiler)) {
        return fail(Code::invalid_input, "an unknown order");
    }
    order.kind = static_cast<OrderKind>(kind);
    order.number = TRY(reader.read<std::uint32_t>());
    order.id = TRY(reader.read<std::uint32_t>());
    order.cpu = TRY(reader.read<std::uint32_t>());
    const std::uint32_t maps = TRY(read_count(reader, kMostMaps));
    for (std::uint32_t i = 0; i < maps; ++i) {
        order.map_ids.push_back(TRY(reader.read<std::uint32_t>()));
    }
    order.map_spec = TRY(read_content(reader));
    order.port = TRY(read_port(reader));
    TRY(at_end(reader));
    return order;
}

ByteVector encode(const Report& report) {
    ByteWriter writer;
    writer.write(report.number);
    writer.write(report.os_errno);
    write_text(writer, report.text.substr(0, kLongestText));
    return writer.take();
}

Result<Report> decode_report(Bytes bytes) {
    ByteReader reader(bytes);
    Report report;
    report.number = TRY(reader.read<std::uint32_t>());
    report.os_errno = TRY(reader.read<std::int32_t>());
    report.text = TRY(read_text(reader, kLongestText));
    TRY(at_end(reader));
    return report;
}

ByteVector encode(const spec::MapSpec& map) {
    ByteWriter writer;
    write_map(writer, map);
    return writer.take();
}

Result<spec::MapSpec> decode_map_spec(Bytes bytes) {
    ByteReader reader(bytes);
    auto map = TRY(read_map(reader, 0));
    TRY(at_end(reader));
    return map;
}

ByteVector encode(const TestRun& run) {
    ByteWriter writer;
    write_content(writer, run.data_in);
    write_content(writer, run.context_in);
    for (const std::uint32_t field :
         {run.data_out_room, run.context_out_room, std::uint32_t{run.wants_data_out ? 1U : 0U},
          std::uint32_t{run.wants_context_out ? 1U : 0U},
          std::uint32_t{run.has_context_in ? 1U : 0U}, run.repeat, run.flags, run.cpu,
          run.batch_size}) {
        writer.write(field);
    }
    return writer.take();
}

Result<TestRun> decode_test_run(Bytes bytes) {
    ByteReader reader(bytes);
    TestRun run;
    run.data_in = TRY(read_content(reader));
    run.context_in = TRY(read_content(reader));
    run.data_out_room = TRY(reader.read<std::uint32_t>());
    run.context_out_room = TRY(reader.read<std::uint32_t>());
    run.wants_data_out = TRY(reader.read<std::uint32_t>()) != 0;
    run.wants_context_out = TRY(reader.read<std::uint32_t>()) != 0;
    run.has_context_in = TRY(reader.read<std::uint32_t>()) != 0;
    for (std::uint32_t* field : {&run.repeat, &run.flags, &run.cpu, &run.batch_size}) {
        *field = TRY(reader.read<std::uint32_t>());
    }
    TRY(at_end(reader));
    return run;
}

ByteVector encode(const TestRunAnswer& answer) {
    ByteWriter writer;
    writer.write(answer.os_errno);
    for (const std::uint32_t field : {answer.retval, answer.duration_ns, answer.data_out_size,
                                      answer.context_out_size, answer.faults}) {
        writer.write(field);
    }
    write_content(writer, answer.data_out);
    write_content(writer, answer.context_out);
    return writer.take();
}

Result<TestRunAnswer> decode_test_run_answer(Bytes bytes) {
    ByteReader reader(bytes);
    TestRunAnswer answer;
    answer.os_errno = TRY(reader.read<std::int32_t>());
    for (std::uint32_t* field : {&answer.retval, &answer.duration_ns, &answer.data_out_size,
                                 &answer.context_out_size, &answer.faults}) {
        *field = TRY(reader.read<std::uint32_t>());
    }
    answer.data_out = TRY(read_content(reader));
    answer.context_out = TRY(read_content(reader));
    TRY(at_end(reader));
    return answer;
}

} // namespace skep::workers
