# SPDX-License-Identifier: Apache-2.0
#
# The switch with the module: the distribution's own objects, linked once more with ours.
# Nothing of Open vSwitch is changed; --wrap puts the module's functions before some of its.
flavourdir = $(prefix)/lib/openvswitch-switch-holdfast
flavour_PROGRAMS = ovs-plugin/ovs-vswitchd

noinst_LIBRARIES += ovs-plugin/libplugin.a
ovs_plugin_libplugin_a_SOURCES = \
	ovs-plugin/actions.h ovs-plugin/actions.cc ovs-plugin/address.h ovs-plugin/address.cc \
	ovs-plugin/announce.h ovs-plugin/announce.cc \
	ovs-plugin/answers.h ovs-plugin/answers.cc \
	ovs-plugin/arp.h ovs-plugin/arp.cc \
	ovs-plugin/arrival.h ovs-plugin/arrival.cc \
	ovs-plugin/audit.h ovs-plugin/audit.cc \
	ovs-plugin/balance.h ovs-plugin/balance.cc \
	ovs-plugin/connection.h ovs-plugin/connection.cc \
	ovs-plugin/departure.h ovs-plugin/departure.cc \
	ovs-plugin/director.h ovs-plugin/director.cc \
	ovs-plugin/director-seen.h ovs-plugin/director-seen.cc \
	ovs-plugin/fit.h ovs-plugin/fit.cc \
	ovs-plugin/flows.h ovs-plugin/flows.cc \
	ovs-plugin/gateway.h ovs-plugin/gateway.cc \
	ovs-plugin/ip-packet.h ovs-plugin/ip-packet.cc \
	ovs-plugin/kept.h ovs-plugin/kept.cc \
	ovs-plugin/leaving.h ovs-plugin/leaving.cc \
	ovs-plugin/maglev.h ovs-plugin/maglev.cc \
	ovs-plugin/merge.h ovs-plugin/merge.cc \
	ovs-plugin/mix.h \
	ovs-plugin/neighbour.h ovs-plugin/neighbour.cc \
	ovs-plugin/origin.h ovs-plugin/origin.cc \
	ovs-plugin/packet.h ovs-plugin/packet.cc \
	ovs-plugin/reader.h ovs-plugin/reader.cc \
	ovs-plugin/reply.h ovs-plugin/reply.cc \
	ovs-plugin/ring.h ovs-plugin/ring.cc \
	ovs-plugin/route.h ovs-plugin/route.cc \
	ovs-plugin/schedule.h ovs-plugin/schedule-impl.h ovs-plugin/schedule.cc \
	ovs-plugin/schedule-hash.cc ovs-plugin/schedule-locality.cc ovs-plugin/schedule-rounds.cc \
	ovs-plugin/secret-hash.h ovs-plugin/secret-hash.cc \
	ovs-plugin/service.h ovs-plugin/service.cc \
	ovs-plugin/shards.h \
	ovs-plugin/spread.h ovs-plugin/spread.cc \
	ovs-plugin/swallowed.h ovs-plugin/swallowed.cc \
	ovs-plugin/translate.h ovs-plugin/translate.cc \
	ovs-plugin/tunnel.h ovs-plugin/tunnel.cc \
	ovs-plugin/turn.h ovs-plugin/turn.cc \
	ovs-plugin/weights.h ovs-plugin/weights.cc \
	ovs-plugin/module.h ovs-plugin/module.cc \
	ovs-plugin/commands.cc ovs-plugin/shim.h
ovs_plugin_libplugin_a_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)

ovs_plugin_ovs_vswitchd_SOURCES = \
	ovs-plugin/shim.h ovs-plugin/shim.c \
	ovs-plugin/shim-internal.h ovs-plugin/shim-flush.c ovs-plugin/shim-frames.c ovs-plugin/shim-kernel.c ovs-plugin/shim-learning.c \
	ovs-plugin/shim-origin.c ovs-plugin/shim-packets.c ovs-plugin/shim-queues.c ovs-plugin/shim-rounds.c \
	ovs-plugin/shim-routes.c \
	ovs-plugin/shim-tunnel.c
nodist_EXTRA_ovs_plugin_ovs_vswitchd_SOURCES = ovs-plugin/linked-by-g++.cc
ovs_plugin_ovs_vswitchd_CPPFLAGS = $(OVS_CPPFLAGS) \
	-isystem $(OVS_SOURCE)/ofproto -isystem $(OVS_SOURCE)/vswitchd $(AM_CPPFLAGS)
ovs_plugin_wrapped = \
	bridge_init bridge_run bridge_wait bridge_exit \
	ovsdb_idl_create ovsdb_idl_omit \
	ofproto_flush_flows connmgr_send_port_status ofproto_destroy \
	netdev_send netdev_rxq_recv netdev_rxq_open netdev_rxq_close netdev_push_header \
	dpif_run xlate_actions ovs_router_flush ovs_router_insert route_table_run
ovs_plugin_ovs_vswitchd_LDFLAGS = $(AM_LDFLAGS) \
	$(patsubst %,-Wl$(comma)--wrap=%,$(ovs_plugin_wrapped))
comma = ,
ovs_plugin_ovs_vswitchd_LDADD = \
	$(OVS_SOURCE)/vswitchd/bridge.o $(OVS_SOURCE)/vswitchd/ovs-vswitchd.o \
	$(OVS_SOURCE)/vswitchd/system-stats.o \
	ovs-plugin/libplugin.a db/libdb.a common/libcommon.a \
	$(OVS_SOURCE)/ofproto/.libs/libofproto.a $(OVS_SOURCE)/lib/.libs/libsflow.a \
	$(OVS_SOURCE)/lib/.libs/libopenvswitchavx512.a $(OVS_LIBS) $(SQLITE_LIBS)

check_PROGRAMS += ovs-plugin/tests/plugin-test
TESTS += ovs-plugin/tests/plugin-test
ovs_plugin_tests_plugin_test_SOURCES = \
	ovs-plugin/tests/announce-test.cc \
	ovs-plugin/tests/answers-test.cc \
	ovs-plugin/tests/arp-test.cc \
	ovs-plugin/tests/balance-test.cc \
	ovs-plugin/tests/connection-test.cc \
	ovs-plugin/tests/director-seen-test.cc \
	ovs-plugin/tests/director-test.cc \
	ovs-plugin/tests/fit-test.cc \
	ovs-plugin/tests/flows-test.cc \
	ovs-plugin/tests/gateway-test.cc \
	ovs-plugin/tests/ip-packet-test.cc \
	ovs-plugin/tests/kept-test.cc \
	ovs-plugin/tests/leaving-test.cc \
	ovs-plugin/tests/maglev-test.cc \
	ovs-plugin/tests/main.cc \
	ovs-plugin/tests/merge-test.cc \
	ovs-plugin/tests/neighbour-test.cc \
	ovs-plugin/tests/origin-test.cc \
	ovs-plugin/tests/packet-test.cc \
	ovs-plugin/tests/ring-test.cc \
	ovs-plugin/tests/route-test.cc \
	ovs-plugin/tests/schedule-hash-test.cc \
	ovs-plugin/tests/schedule-locality-test.cc \
	ovs-plugin/tests/schedule-pool.h \
	ovs-plugin/tests/schedule-rounds-test.cc \
	ovs-plugin/tests/schedule-test.cc \
	ovs-plugin/tests/segment.h \
	ovs-plugin/tests/shards-test.cc \
	ovs-plugin/tests/spread-test.cc \
	ovs-plugin/tests/swallowed-test.cc \
	ovs-plugin/tests/translate-test.cc \
	ovs-plugin/tests/translate-v6-test.cc \
	ovs-plugin/tests/weights-test.cc
ovs_plugin_tests_plugin_test_CPPFLAGS = $(AM_CPPFLAGS) $(CPPUTEST_CFLAGS)
ovs_plugin_tests_plugin_test_LDADD = ovs-plugin/libplugin.a db/libdb.a common/libcommon.a \
	$(CPPUTEST_LIBS) $(SQLITE_LIBS)
dist_man_MANS += ovs-plugin/holdfast-switch.7
