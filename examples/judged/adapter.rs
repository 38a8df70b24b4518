// What the test does with the host.

use kefu_proto::UnixTime;
use kefu_proto::checker::{Checker, ConnectionId};
use kefu_proto::script::{Host, HostError};

use crate::host::MyHost;

impl Host for MyHost {
    fn open(&mut self, connection: ConnectionId) -> Result<(), HostError> {
        self.open(connection);
        Ok(())
    }

    fn receive(
        &mut self,
        connection: ConnectionId,
        bytes: &[u8],
        checker: &mut Checker,
    ) -> Result<(), HostError> {
        self.receive(connection, bytes, checker)
    }

    fn take_output(&mut self, connection: ConnectionId) -> Result<Vec<u8>, HostError> {
        Ok(self.take_output(connection))
    }

    fn close(&mut self, connection: ConnectionId) {
        self.close(connection);
    }

    fn now(&self) -> UnixTime {
        self.now()
    }

    fn fail_save(&mut self, after: u32) {
        self.store.saves_until_failure = Some(after);
    }
}
