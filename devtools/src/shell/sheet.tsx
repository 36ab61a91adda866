// The sheet of all keys.
import { dialog, DialogFrame } from "../actions/dialog.tsx";

export function openSheet(rows: readonly (readonly [string, string])[]): void {
  dialog.value = () => (
    <DialogFrame title="Keys">
      <table>
        <tbody>
          {rows.map(([keys, does]) => (
            <tr key={keys}>
              <th scope="row">
                <kbd>{keys}</kbd>
              </th>
              <td>{does}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </DialogFrame>
  );
}
